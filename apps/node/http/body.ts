/**
 * Bodies of requests, within bounds of size and time.
 *
 * @module
 */
import { HttpError } from "./problem.ts";

/** What a body may be. */
export interface BodyLimits {
  /** The most bytes that are read. */
  readonly sizeMaxBytes: number;
  /** How long the next bytes may take. */
  readonly idleTimeoutMs: number;
}

/** The chunks of `request`'s body. Ends with an {@linkcode HttpError} if they are too many or too slow. */
export async function* bodyChunks(
  request: Request,
  { sizeMaxBytes, idleTimeoutMs }: BodyLimits,
): AsyncGenerator<Uint8Array> {
  if (request.body === null) return;
  const reader = request.body.getReader();
  let sizeBytes = 0;
  let complete = false;
  try {
    for (;;) {
      const { value, done } = await within(idleTimeoutMs, reader.read());
      if (done) break;
      sizeBytes += value.length;
      if (sizeBytes > sizeMaxBytes) throw tooLarge(sizeMaxBytes);
      yield value;
    }
    complete = true;
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw new HttpError(400, "body-lost", `the body ends too early: ${(error as Error).message}`);
  } finally {
    if (!complete) void reader.cancel().catch(() => {});
  }
}

/** The body of `request` as JSON. Rejects with an {@linkcode HttpError}. */
export async function jsonBody(request: Request, limits: BodyLimits): Promise<unknown> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new HttpError(
      415,
      "unsupported-media-type",
      `content-type is ${
        type === "" ? "missing" : JSON.stringify(type)
      }; allowed is application/json`,
    );
  }
  if (Number(request.headers.get("content-length") ?? 0) > limits.sizeMaxBytes) {
    throw tooLarge(limits.sizeMaxBytes);
  }
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  for await (const chunk of bodyChunks(request, limits)) {
    text += decoding(() => decoder.decode(chunk, { stream: true }));
  }
  text += decoding(() => decoder.decode());
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new HttpError(
      400,
      "invalid-argument",
      `the body is not JSON: ${(error as Error).message}`,
    );
  }
}

function decoding(decode: () => string): string {
  try {
    return decode();
  } catch {
    throw new HttpError(400, "invalid-argument", "the body is not UTF-8; allowed is JSON in UTF-8");
  }
}

function tooLarge(sizeMaxBytes: number): HttpError {
  return new HttpError(
    413,
    "body-too-large",
    `the body has more than ${sizeMaxBytes} bytes, which is what is allowed`,
  );
}

async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(
      new HttpError(408, "body-timeout", `nothing of the body has come for ${timeoutMs} ms`),
    );
  }, timeoutMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
