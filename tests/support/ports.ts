/**
 * Ports that stay free while a node is killed and started again.
 *
 * @module
 */

/** Below the ports that systems hand out by themselves, which any connection may take at any moment. */
const LEAST = 10_000;
const MOST = 30_000;

/** `count` ports on this machine, one after another, on which nobody listens. */
export function freePorts(count: number): number[] {
  for (;;) {
    const first = LEAST + Math.floor(Math.random() * (MOST - LEAST));
    const ports = Array.from({ length: count }, (_, at) => first + at);
    if (ports.every(isFree)) return ports;
  }
}

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}
