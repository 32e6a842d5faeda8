/**
 * The token that administration asks for.
 *
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { InvalidConfigError } from "@coracle/core";
import { pathProblem } from "../config/path_problem.ts";
import { counted } from "../counted.ts";

/** Where a token comes from: never from the command line, which everybody on a machine can see. */
export type TokenSource =
  | { readonly setting: string; readonly file: string }
  | { readonly setting: string; readonly variable: string };

const TOKEN = /^[\x21-\x7e]{16,1024}$/;
const ALLOWED = "one line of 16 to 1024 letters, digits and signs";

/** The token in `source`. Rejects with an `InvalidConfigError` that says what is wrong with it, and does not show it. */
export async function readToken(source: TokenSource): Promise<string> {
  const given = "file" in source ? source.file : source.variable;
  const where = "file" in source ? "a file" : "a variable";
  const invalid = (problem: string) =>
    new InvalidConfigError(
      source.setting,
      `${JSON.stringify(given)} (${problem})`,
      `${where} with a token, ${ALLOWED}`,
    );
  const text = "file" in source
    ? await readFile(source.file, invalid)
    : Deno.env.get(source.variable);
  if (text === undefined) throw invalid("it is not set");
  const token = text.replace(/\r?\n$/, "");
  if (TOKEN.test(token)) return token;
  throw invalid(`it holds ${counted(token.length, "character")}, or some that are not allowed`);
}

async function readFile(path: string, invalid: (problem: string) => Error): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const problem = pathProblem(error);
    throw problem === undefined ? error : invalid(problem);
  }
}

/** Compares what callers present with the token. Keeps a digest of it only, so that nothing can show it. */
export class TokenCheck {
  readonly #source: TokenSource;
  #digest: Uint8Array;

  private constructor(source: TokenSource, token: string) {
    this.#source = source;
    this.#digest = digest(token);
  }

  /** Reads the token. Rejects as {@linkcode readToken} does. */
  static async load(source: TokenSource): Promise<TokenCheck> {
    return new TokenCheck(source, await readToken(source));
  }

  /** Reads the token again; the one before is of no use then. Rejects as {@linkcode readToken} does, and changes nothing. */
  async reload(): Promise<void> {
    this.#digest = digest(await readToken(this.#source));
  }

  /**
   * Why a call with this `authorization` (`Bearer TOKEN`, as in a header of HTTP or metadata of gRPC) is refused, in words, or
   * `undefined` if it is not. How long it takes says nothing about the token.
   */
  problem(authorization: string | undefined): string | undefined {
    const presented = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
    if (presented === undefined) {
      return "a token is needed: authorization: Bearer TOKEN, or --token-file on the command line";
    }
    return timingSafeEqual(digest(presented), this.#digest) ? undefined : "the token is wrong";
  }
}

function digest(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
