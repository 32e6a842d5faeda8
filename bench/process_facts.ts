/**
 * What the system knows of a process (Linux: /proc).
 *
 * @module
 */

/** Ticks in a second of the times in /proc: the same on every Linux that is used today. */
const TICKS_PER_SECOND = 100;

/** The most memory that the process has had so far, in MiB. */
export async function peakRssMib(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
  return Number(kib) / 1024;
}

/** Processor time that the process has taken so far, in seconds. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  // The command's name, in brackets, may contain anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Processor time that everything on this machine has taken so far, on all cores together, in seconds. */
export async function machineCpuSeconds(): Promise<number> {
  const stat = await Deno.readTextFile("/proc/stat");
  const fields = stat.slice(0, stat.indexOf("\n")).split(/\s+/).slice(1).map(Number);
  const [user = 0, nice = 0, system = 0, _idle, _waiting, irq = 0, softIrq = 0, stolen = 0] =
    fields;
  return (user + nice + system + irq + softIrq + stolen) / TICKS_PER_SECOND;
}

/** The memory that the process has at present, in MiB. */
export async function rssMib(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
  return Number(kib) / 1024;
}

/** How many files, sockets and the like the process has open. */
export async function openHandles(pid: number): Promise<number> {
  let count = 0;
  for await (const _ of Deno.readDir(`/proc/${pid}/fd`)) count += 1;
  return count;
}

/** Bytes of all files in a directory, as their ends say. */
export async function directorySizeBytes(path: string): Promise<number> {
  let bytes = 0;
  for await (const entry of Deno.readDir(path)) {
    const child = `${path}/${entry.name}`;
    // A file may be removed while it is looked at.
    if (entry.isDirectory) bytes += await directorySizeBytes(child);
    else bytes += (await Deno.stat(child).catch(() => ({ size: 0 }))).size;
  }
  return bytes;
}
