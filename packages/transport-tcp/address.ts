/**
 * TCP addresses as people write them: `host:port`, and `[::1]:port` for IPv6.
 *
 * @module
 */
import { TransportError } from "@coracle/core";

/** A TCP address, taken apart. */
export interface TcpAddress {
  /** A host name or IP address, without the brackets of IPv6. */
  readonly hostname: string;
  /** From 0 to 65535. 0 means "any free port" where it is listened on. */
  readonly port: number;
}

/** As long as a server's address may be in a configuration of the cluster. */
const ADDRESS_LENGTH_MAX = 255;

const ADDRESS =
  /^(?:\[(?<ipv6>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?<host>[^\s:[\]]+)):(?<port>\d{1,5})$/;

/** All the ways in which "every interface" is written in practice. */
const UNSPECIFIED = /^(?:0\.0\.0\.0|[0:]*::?[0:]*|::ffff:0\.0\.0\.0)$/;

/** Takes `text` apart. Throws {@linkcode TransportError} that says what was given and what is allowed. */
export function parseAddress(text: string): TcpAddress {
  const groups = text.length <= ADDRESS_LENGTH_MAX ? ADDRESS.exec(text)?.groups : undefined;
  const port = Number(groups?.["port"]);
  if (groups === undefined || port > 65535) {
    throw new TransportError(
      `${JSON.stringify(text.slice(0, 80))} is not an address; allowed is host:port or ` +
        `[ipv6]:port with a port from 0 to 65535, at most ${ADDRESS_LENGTH_MAX} characters`,
    );
  }
  return { hostname: groups["ipv6"] ?? groups["host"]!, port };
}

/** The inverse of {@linkcode parseAddress}. */
export function formatAddress({ hostname, port }: TcpAddress): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** Whether `hostname` means every interface: good to listen on, but nothing that a peer could dial. */
export function isUnspecified(hostname: string): boolean {
  return UNSPECIFIED.test(hostname);
}
