/**
 * What a program of this kind can reach on this machine at most: one process hands batches to all others and to its own
 * disk at the same time, and a batch counts when a majority has synced it. There is no log, no term, no election, no
 * checksum: whatever a consensus adds, it adds to this.
 *
 * `deno run -A bench/peers/limit.ts --nodes=3 --conc=1,64 --size=128 --seconds=3` prints a JSON object a line.
 *
 * @module
 */
import { measure, type Measurement } from "../measure.ts";
import { numbers, option } from "../options.ts";

/** Bytes before the commands of a batch: how many bytes there are, and the batch's number. */
const HEADER_SIZE_BYTES = 8;
/** What stands before each command: as much as an entry of a log has at least. */
const COMMAND_HEADER_SIZE_BYTES = 16;

/** Writes and syncs what arrives, and says so. */
async function follow(path: string): Promise<void> {
  const file = await Deno.open(path, { create: true, write: true });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  console.log(listener.addr.port);
  const connection = await listener.accept();
  connection.setNoDelay(true);
  const buffer = new Uint8Array(8 * 1024 * 1024);
  const view = new DataView(buffer.buffer);
  let filled = 0;
  for (;;) {
    const count = await connection.read(buffer.subarray(filled));
    if (count === null) return;
    filled += count;
    let whole = 0;
    let number = 0;
    while (filled - whole >= HEADER_SIZE_BYTES) {
      const size = HEADER_SIZE_BYTES + view.getUint32(whole);
      if (filled - whole < size) break;
      number = view.getUint32(whole + 4);
      whole += size;
    }
    if (whole === 0) continue;
    writeAll(file, buffer.subarray(0, whole));
    file.syncDataSync();
    buffer.copyWithin(0, whole, filled);
    filled -= whole;
    await connection.write(new Uint8Array(new Uint32Array([number]).buffer));
  }
}

/** Starts the followers, and measures each combination. */
async function* lead(
  nodes: number,
  concs: readonly number[],
  sizes: readonly number[],
  seconds: number,
): AsyncGenerator<Measurement> {
  const directory = await Deno.makeTempDir({ prefix: "coracle-limit-" });
  const followers = Array.from({ length: nodes - 1 }, (_, at) =>
    new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        import.meta.filename!,
        "--role=follower",
        `--file=${directory}/f${at}`,
      ],
      stdout: "piped",
    }).spawn());
  try {
    const connections = await Promise.all(followers.map(connect));
    const file = await Deno.open(`${directory}/leader`, { create: true, write: true });
    const leader = new Leader(file, connections);
    for (const size of sizes) {
      for (const conc of concs) {
        yield await measure((command) => leader.apply(command), { conc, size, seconds });
      }
    }
    leader.end();
  } finally {
    for (const follower of followers) follower.kill("SIGKILL");
    await Promise.all(followers.map(({ status }) => status));
    await Deno.remove(directory, { recursive: true });
  }
}

async function connect(follower: Deno.ChildProcess): Promise<Deno.TcpConn> {
  const { value } = await follower.stdout.getReader().read();
  const port = Number(new TextDecoder().decode(value));
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  return connection;
}

/** Gathers commands into batches. */
class Leader {
  readonly #file: Deno.FsFile;
  readonly #connections: readonly Deno.TcpConn[];
  readonly #outboxes: Uint8Array[][];
  readonly #isSending: boolean[];
  /** The last batch that each node has synced; this one's first. */
  readonly #synced: number[];
  readonly #waiting: { readonly number: number; readonly resolves: (() => void)[] }[] = [];
  #commands: Uint8Array[] = [];
  #resolves: (() => void)[] = [];
  #number = 0;
  #isSyncing = false;
  #hasEnded = false;

  constructor(file: Deno.FsFile, connections: readonly Deno.TcpConn[]) {
    this.#file = file;
    this.#connections = connections;
    this.#outboxes = connections.map(() => []);
    this.#isSending = connections.map(() => false);
    this.#synced = [0, ...connections.map(() => 0)];
    for (const at of connections.keys()) this.#listen(at);
  }

  /** From now on followers may go away. */
  end(): void {
    this.#hasEnded = true;
  }

  apply(command: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#commands.push(command);
      this.#resolves.push(resolve);
      // As long as a consensus gathers: until everybody who was answered has called again.
      if (this.#commands.length === 1) queueMicrotask(() => queueMicrotask(() => this.#flush()));
    });
  }

  #flush(): void {
    const number = this.#number += 1;
    const batch = encode(number, this.#commands);
    this.#waiting.push({ number, resolves: this.#resolves });
    this.#commands = [];
    this.#resolves = [];
    for (const [at, outbox] of this.#outboxes.entries()) {
      outbox.push(batch);
      this.#send(at);
    }
    writeAll(this.#file, batch);
    this.#sync();
  }

  async #send(at: number): Promise<void> {
    if (this.#isSending[at]) return;
    this.#isSending[at] = true;
    for (let batch; (batch = this.#outboxes[at]!.shift()) !== undefined;) {
      for (let sent = 0; sent < batch.length;) {
        sent += await this.#connections[at]!.write(batch.subarray(sent));
      }
    }
    this.#isSending[at] = false;
  }

  async #sync(): Promise<void> {
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    while (this.#synced[0]! < this.#number) {
      const number = this.#number;
      await this.#file.syncData();
      this.#advance(0, number);
    }
    this.#isSyncing = false;
  }

  async #listen(at: number): Promise<void> {
    const buffer = new Uint8Array(4096);
    for (let filled = 0;;) {
      const count = await this.#connections[at]!.read(buffer.subarray(filled)).catch((error) => {
        if (this.#hasEnded) return null;
        throw error;
      });
      if (count === null) return;
      filled += count;
      const whole = filled - filled % 4;
      if (whole === 0) continue;
      const [number] = new Uint32Array(buffer.slice(whole - 4, whole).buffer);
      buffer.copyWithin(0, whole, filled);
      filled -= whole;
      this.#advance(at + 1, number!);
    }
  }

  #advance(node: number, number: number): void {
    this.#synced[node] = number;
    const sorted = [...this.#synced].sort((a, b) => b - a);
    const committed = sorted[Math.floor(sorted.length / 2)]!;
    while (this.#waiting.length > 0 && this.#waiting[0]!.number <= committed) {
      for (const resolve of this.#waiting.shift()!.resolves) resolve();
    }
  }
}

function encode(number: number, commands: readonly Uint8Array[]): Uint8Array {
  const size = commands.reduce((sum, one) => sum + COMMAND_HEADER_SIZE_BYTES + one.length, 0);
  const batch = new Uint8Array(HEADER_SIZE_BYTES + size);
  const view = new DataView(batch.buffer);
  view.setUint32(0, size);
  view.setUint32(4, number);
  let at = HEADER_SIZE_BYTES;
  for (const command of commands) {
    view.setUint32(at, command.length);
    batch.set(command, at + COMMAND_HEADER_SIZE_BYTES);
    at += COMMAND_HEADER_SIZE_BYTES + command.length;
  }
  return batch;
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
}

// After the classes that it needs.
if (import.meta.main) {
  if (option("role", "leader") === "follower") await follow(option("file", ""));
  else {
    const [nodes] = numbers("nodes", "3");
    const [seconds] = numbers("seconds", "3");
    const conc = numbers("conc", "1,64,1024");
    for await (const one of lead(nodes!, conc, numbers("size", "128"), seconds!)) {
      console.log(JSON.stringify(one));
    }
    Deno.exit(0);
  }
}
