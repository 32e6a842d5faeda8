/**
 * The TLS handshake over a duplex stream, from both sides, and what is asked of the other side's certificate.
 *
 * That certificate is looked at here and not left to the library, which is told not to refuse: Deno 2.9.6 closes a connection
 * without a word when a client's certificate is not to be trusted, and an operator must be told why. So no connection leaves
 * this module unless {@linkcode peerProblem} has nothing against it.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import type { Duplex } from "node:stream";
import { connect, createServer, type TLSSocket } from "node:tls";
import { trustProblem } from "./certificate.ts";
import type { TlsMaterial } from "./material.ts";
import { CLOSED, describeTlsError, TlsError } from "./tls_error.ts";

/** How to shake hands. */
export interface SecureOptions {
  /** What this side brings along, and whom it trusts. */
  readonly material: TlsMaterial;
  /** The oldest version of TLS that is spoken. */
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  /** The protocols that may be spoken within (ALPN), if that is to be negotiated. */
  readonly protocols?: readonly string[];
}

/**
 * Shakes hands as the side that was dialled. If there are trusted authorities, the other side must present a certificate of
 * one of them. Rejects with {@linkcode TlsError}; `duplex` is destroyed then.
 */
export function acceptSecure(duplex: Duplex, options: SecureOptions): Promise<TLSSocket> {
  const { material, minVersion, protocols } = options;
  const requestCert = material.trusted.length > 0;
  return shakeHands(duplex, material, (secured, failed) => {
    // Not one server for all: it would not say which connection has failed.
    const server = createServer({
      ...material.contextOptions(),
      minVersion,
      requestCert,
      rejectUnauthorized: false,
      ...(protocols === undefined ? {} : { ALPNProtocols: [...protocols] }),
    });
    server.once("secureConnection", (socket) => {
      const problem = requestCert ? peerProblem(socket, material) : undefined;
      secured(socket, problem);
    });
    server.once("tlsClientError", failed);
    server.emit("connection", duplex);
  });
}

/**
 * Shakes hands as the side that dials. The other side must present a certificate of a trusted authority; which names it has is
 * not looked at. Rejects with {@linkcode TlsError}; `duplex` is destroyed then.
 */
export function dialSecure(duplex: Duplex, options: SecureOptions): Promise<TLSSocket> {
  const { material, minVersion } = options;
  return shakeHands(duplex, material, (secured, failed) => {
    const socket = connect({
      ...material.contextOptions(),
      socket: duplex,
      minVersion,
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    });
    socket.once("error", failed);
    socket.once("close", () => failed(Object.assign(new Error("closed"), { code: CLOSED })));
    socket.once("secureConnect", () => secured(socket, peerProblem(socket, material)));
  });
}

/** The certificate of the other side, or `undefined` if it has presented none. */
export function peerCertificate(socket: TLSSocket): X509Certificate | undefined {
  return peerChain(socket)[0];
}

/** Why the other side's certificate is not to be trusted, in words, or `undefined` if it is. */
function peerProblem(socket: TLSSocket, material: TlsMaterial): string | undefined {
  const chain = peerChain(socket);
  if (chain.length === 0) return "the other side presents no certificate";
  const problem = trustProblem(chain, material.trusted, Date.now());
  if (problem !== undefined || socket.authorized) return problem;
  return `the certificate of the other side is not accepted (${socket.authorizationError}): ` +
    "its extended key usage may not allow what it is used for";
}

/** The certificates that the other side has presented, its own first. */
function peerChain(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let at = socket.getPeerCertificate(true) as ReturnType<TLSSocket["getPeerCertificate"]> | null;
  const seen = new Set<unknown>();
  // A root is its own issuer; one without a certificate has an empty object.
  while (at?.raw !== undefined && !seen.has(at)) {
    seen.add(at);
    chain.push(new X509Certificate(at.raw));
    at = (at as { issuerCertificate?: typeof at }).issuerCertificate ?? null;
  }
  return chain;
}

/** Called with the connection and what is wrong with the other side's certificate. */
type Secured = (socket: TLSSocket, problem: string | undefined) => void;
type Failed = (error: Error) => void;

function shakeHands(
  duplex: Duplex,
  material: TlsMaterial,
  begin: (secured: Secured, failed: Failed) => void,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const refuse = (reason: string, cause?: unknown) => {
      duplex.destroy();
      reject(new TlsError(reason, { cause }));
    };
    const own = material.problem(Date.now());
    if (own !== undefined) return refuse(`this node has no valid certificate: ${own}`);
    if (duplex.destroyed) return refuse("closed before the TLS handshake");
    begin((socket, problem) => {
      // From now on an error is heard of by whoever reads or writes.
      socket.on("error", () => {});
      if (problem === undefined) resolve(socket);
      else refuse(problem);
    }, (error) => refuse(describeTlsError(error, "closed during the TLS handshake"), error));
  });
}
