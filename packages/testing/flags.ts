/**
 * The command lines of this package's programs: `--name` and `--name=value`.
 *
 * @module
 */

/** See the module's description. */
export class Flags {
  readonly #given = new Map<string, string>();

  /**
   * Reads `args`. `allowed`: what there is, as in `--seeds=N --trace`. Throws an `Error` that says what is wrong and what is
   * allowed, as all methods do.
   */
  constructor(args: readonly string[], allowed: string) {
    const names = [...allowed.matchAll(/--([a-z]+)/g)].map(([, name]) => name);
    for (const arg of args) {
      const [, name, value = ""] = /^--([a-z]+)(?:=(.*))?$/.exec(arg) ?? [];
      if (name === undefined || !names.includes(name)) {
        throw new Error(`${arg} is not known; allowed are ${allowed}`);
      }
      this.#given.set(name, value);
    }
  }

  /** Whether `--name` is there, with a value or without. */
  has(name: string): boolean {
    return this.#given.has(name);
  }

  /** What `--name=` says; `undefined` if it is not there. */
  text(name: string): string | undefined {
    return this.#given.get(name);
  }

  /** The whole number that `--name=` says, at least `least`; `otherwise` if it is not there. */
  number(name: string, otherwise: number, least = 0): number {
    const text = this.#given.get(name);
    if (text === undefined) return otherwise;
    const number = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number >= least) return number;
    throw new Error(`--${name} is "${text}"; a whole number from ${least} to 2^53 - 1 is allowed`);
  }
}
