/**
 * `@coracle/transport-tcp/tls`: mutual TLS between nodes.
 *
 * ```ts
 * import { DevelopmentCa } from "@coracle/transport-tcp/development-ca";
 * import { TlsStreamLayer } from "@coracle/transport-tcp/tls";
 * import { TcpTransport } from "@coracle/transport-tcp";
 *
 * const directory = await Deno.makeTempDir();
 * const authority = await DevelopmentCa.create({ name: "words" });
 * const { certPem, keyPem } = await authority.issue({ names: ["n1"] });
 * await Deno.writeTextFile(`${directory}/ca.pem`, authority.certPem);
 * await Deno.writeTextFile(`${directory}/n1.pem`, certPem);
 * await Deno.writeTextFile(`${directory}/n1-key.pem`, keyPem, { mode: 0o600 });
 *
 * const streamLayer = await TlsStreamLayer.open({
 *   id: "n1",
 *   caFile: `${directory}/ca.pem`,
 *   certFile: `${directory}/n1.pem`,
 *   keyFile: `${directory}/n1-key.pem`,
 * });
 * await using _transport = await TcpTransport.listen({
 *   id: "n1",
 *   clusterId: "words",
 *   listenAddress: "127.0.0.1:0",
 *   streamLayer,
 * });
 * await Deno.remove(directory, { recursive: true });
 * ```
 *
 * docs/security.md says what this protects, and from whom.
 *
 * @module
 */
export { TlsCredentials, type TlsCredentialsOptions, type TlsFiles } from "./credentials.ts";
export type { ContextOptions, PemNames, PemTexts, TlsMaterial } from "./material.ts";
export { acceptSecure, peerCertificate, type SecureOptions } from "./secure.ts";
export { TlsError } from "./tls_error.ts";
export { TlsStreamLayer, type TlsStreamLayerOptions } from "./tls_stream_layer.ts";
