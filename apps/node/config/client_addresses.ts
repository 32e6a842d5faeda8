/**
 * Where clients reach a node, as nodes tell each other: `GRPC`, or `GRPC,URL` of one that speaks HTTP as well.
 *
 * @module
 */

/** See the module's description. */
export interface ClientAddresses {
  /** For gRPC, as `host:port`. */
  readonly grpc: string | undefined;
  /** For HTTP, as a URL without a path. */
  readonly http: string | undefined;
}

/** `addresses` as a text; empty if there are none. */
export function formatClientAddresses({ grpc = "", http }: ClientAddresses): string {
  return http === undefined ? grpc : `${grpc},${http}`;
}

/** The inverse of {@linkcode formatClientAddresses}. What another node says is looked at before anybody is sent there. */
export function parseClientAddresses(text: string): ClientAddresses {
  const comma = text.indexOf(",");
  const grpc = comma < 0 ? text : text.slice(0, comma);
  const http = comma < 0 ? undefined : text.slice(comma + 1);
  return {
    grpc: grpc === "" ? undefined : grpc,
    http: http !== undefined && isBaseUrl(http) ? http : undefined,
  };
}

function isBaseUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.origin === text;
}
