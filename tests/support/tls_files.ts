/**
 * Certificates for the nodes of a test or benchmark that are processes of their own: files in a directory.
 *
 * @module
 */
import { DevelopmentCa } from "@coracle/transport-tcp/development-ca";
import { TlsStreamLayer } from "@coracle/transport-tcp/tls";

/** Makes certificates for `ids`, on this machine, in `directory`. */
export async function makeTlsFiles(directory: string, ids: readonly string[]): Promise<void> {
  const authority = await DevelopmentCa.create({ name: "test" });
  await Deno.writeTextFile(`${directory}/ca.pem`, authority.certPem);
  for (const id of ids) {
    const { certPem, keyPem } = await authority.issue({ names: [id], addresses: ["127.0.0.1"] });
    await Deno.writeTextFile(`${directory}/${id}.pem`, certPem);
    await Deno.writeTextFile(`${directory}/${id}-key.pem`, keyPem, { mode: 0o600 });
  }
}

/** The stream layer of node `id`, with the files in `directory`. */
export function tlsLayer(directory: string, id: string): Promise<TlsStreamLayer> {
  return TlsStreamLayer.open({
    id,
    caFile: `${directory}/ca.pem`,
    certFile: `${directory}/${id}.pem`,
    keyFile: `${directory}/${id}-key.pem`,
  });
}
