/**
 * Network addresses as people write them: `host:port`, an IPv6 host in brackets.
 *
 * @module
 */

/** Where to listen or to connect. */
export interface Address {
  /** A name or an IP address, without brackets. */
  readonly host: string;
  /** From 0 (any free one, to listen on) to 65535. */
  readonly port: number;
}

const ADDRESS =
  /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[A-Za-z0-9](?:[A-Za-z0-9._-]*)))?:(?<port>\d{1,5})$/;

/** `text` as an address, or `undefined` if it is none. The host must be given. */
export function parseAddress(text: string): Address | undefined {
  const groups = ADDRESS.exec(text)?.groups;
  const host = groups?.["v6"] ?? groups?.["host"];
  const port = Number(groups?.["port"]);
  if (host === undefined || port > 65535) return undefined;
  return { host, port };
}

/** The inverse of {@linkcode parseAddress}. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether `host` means every interface of the machine, which nobody else can connect to. */
export function isUnspecified(host: string): boolean {
  return host === "0.0.0.0" || /^[0:]+$/.test(host) && host.includes(":");
}

/** Whether what listens on `host` can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || /^127(?:\.\d{1,3}){3}$/.test(host) ||
    /^(?:0{0,4}:){1,7}0{0,3}1$/.test(host) || /^::ffff:127(?:\.\d{1,3}){3}$/i.test(host);
}
