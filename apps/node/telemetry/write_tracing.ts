/**
 * One trace for the life of a write: the node that is asked, the leader, and every node that applies it.
 *
 * The context of the trace comes with a request (the header `traceparent` of HTTP, which Deno reads and sends by itself, or
 * metadata of that name over gRPC), and goes on in the extensions of the entry: so the nodes that get the entry from the leader
 * continue the same trace, and the consensus in between knows nothing of it.
 *
 * ```text
 * POST /v1/words?forward=true      the node that is asked (Deno's own span, or that of a gRPC call)
 *   POST                             its request to the leader (Deno's own)
 *     POST /v1/words                   the leader
 *       raft.apply                       from the call to its answer: appending, replication, commit, applying
 *         fsm.apply                        the state machine of each node, once the entry is committed and it knows
 * ```
 *
 * @module
 */
import { type Entry, type Fsm, type Index, RaftError } from "@coracle/core";
import {
  type Attributes,
  type Context,
  context,
  defaultTextMapGetter,
  isSpanContextValid,
  propagation,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from "@opentelemetry/api";
import type { CallContext, Handlers } from "../grpc/handlers.ts";
import { nodeTracer } from "./tracing.ts";
import type { DescService } from "@bufbuild/protobuf";

/** Replicates and applies a command. */
type Apply<Options, Result> = (command: Uint8Array, options: Options) => Promise<Result>;

/** A state machine that keeps snapshots. */
type SnapshottingFsm<Response> = Fsm<Response> & Required<Pick<Fsm, "snapshot" | "restore">>;

/** Entries that a node applies again when it starts are older; nobody waits for them, and their traces are over. */
const ENTRY_AGE_MAX_MS = 60_000;

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const TRACEPARENT_SIZE_BYTES = 55;

/** See the module's description. */
export class WriteTracing {
  readonly #tracer = nodeTracer();
  readonly #attributes: Attributes;

  /** `nodeId`: the node whose spans these are. */
  constructor(nodeId: string) {
    this.#attributes = { "coracle.node.id": nodeId };
  }

  /** `apply` with a span, if the call is part of a trace that is recorded; its context goes along with the entry. */
  apply<Options extends object, Result extends { readonly index: Index }>(
    apply: Apply<Options & { readonly extensions?: Uint8Array }, Result>,
  ): Apply<Options, Result> {
    return async (command, options) => {
      const parent = trace.getActiveSpan()?.spanContext();
      if (parent === undefined || !isSampled(parent)) return await apply(command, options);
      const attributes = { ...this.#attributes, "raft.command.size_bytes": command.length };
      return await this.#tracer.startActiveSpan(
        "raft.apply",
        { attributes },
        (span) =>
          recorded(span, async () => {
            const extensions = encodeContext(span.spanContext());
            const applied = await apply(command, { ...options, extensions });
            span.setAttribute("raft.index", applied.index);
            return applied;
          }),
      );
    };
  }

  /** `fsm` with a span for each command of a trace. */
  fsm<Response>(fsm: SnapshottingFsm<Response>): SnapshottingFsm<Response> {
    return {
      apply: (entry) => {
        const parent = contextOf(entry);
        if (parent === undefined) return fsm.apply(entry);
        const { index, term } = entry;
        const attributes = { ...this.#attributes, "raft.index": index, "raft.term": term };
        const span = this.#tracer.startSpan("fsm.apply", { attributes }, parent);
        try {
          return fsm.apply(entry);
        } finally {
          span.end();
        }
      },
      snapshot: () => fsm.snapshot(),
      restore: (data, lastIncludedIndex) => fsm.restore(data, lastIncludedIndex),
    };
  }

  /**
   * `answer`, within the span of the request over HTTP that it is the answer to. Deno 2.9.6 makes that span, as for `Deno.serve`, and
   * keeps it with `outgoing` under a symbol, but does not enter it.
   */
  answered<T>(outgoing: object, answer: () => T): T {
    const kept: unknown[] = Object.getOwnPropertySymbols(outgoing).map((symbol) =>
      Reflect.get(outgoing, symbol)
    );
    const span = kept.find(isSpan);
    if (span === undefined || trace.getActiveSpan() !== undefined) return answer();
    return context.with(trace.setSpan(context.active(), span), answer);
  }

  /** The unary `handlers` of a gRPC service, each call with a span that continues the client's trace. */
  served<S extends Pick<DescService, "method">>(
    service: string,
    handlers: Handlers<S>,
  ): Handlers<S> {
    const wrapped = Object.entries(handlers).map(([name, handler]) => {
      const method = handler as (...given: unknown[]) => unknown;
      const spanName = `${service}/${name[0]!.toUpperCase()}${name.slice(1)}`;
      // Every kind of handler is told about the call last.
      return [name, (...given: unknown[]) => {
        const parent = calledIn(given.at(-1) as CallContext);
        const options = { kind: SpanKind.SERVER, attributes: this.#attributes };
        return this.#tracer.startActiveSpan(
          spanName,
          options,
          parent,
          (span) => recorded(span, () => method(...given)),
        );
      }];
    });
    return Object.fromEntries(wrapped) as Handlers<S>;
  }
}

/** What `work` gives; `span` ends with it, and has its error. */
async function recorded<T>(span: Span, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message });
    if (error instanceof RaftError) {
      span.setAttributes({ "coracle.code": error.code, "coracle.outcome": error.outcome });
    }
    throw error;
  } finally {
    span.end();
  }
}

function isSpan(value: unknown): value is Span {
  return typeof (value as Partial<Span> | null | undefined)?.spanContext === "function";
}

function isSampled({ traceFlags }: SpanContext): boolean {
  return (traceFlags & TraceFlags.SAMPLED) !== 0;
}

/** The trace that a gRPC call is part of, if its client says so. */
function calledIn({ metadata }: CallContext): Context {
  const carrier: Record<string, string> = {};
  for (const name of ["traceparent", "tracestate"]) {
    const [value] = metadata.get(name);
    if (typeof value === "string") carrier[name] = value;
  }
  return propagation.extract(context.active(), carrier, defaultTextMapGetter);
}

/** As W3C's `traceparent` has it. */
export function encodeContext(
  { traceId, spanId, traceFlags }: SpanContext,
): Uint8Array<ArrayBuffer> {
  const flags = traceFlags.toString(16).padStart(2, "0");
  return new TextEncoder().encode(`00-${traceId}-${spanId}-${flags}`);
}

/** The trace that `entry` was written in, if it is one that somebody may still look at. */
export function contextOf(
  { extensions, appendedAtMs }: Pick<Entry, "extensions" | "appendedAtMs">,
): Context | undefined {
  if (extensions.length !== TRACEPARENT_SIZE_BYTES) return undefined;
  if (Date.now() - appendedAtMs > ENTRY_AGE_MAX_MS) return undefined;
  const [, traceId, spanId, flags] = TRACEPARENT.exec(String.fromCharCode(...extensions)) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  const spanContext = { traceId, spanId, traceFlags: parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(spanContext) && isSampled(spanContext)
    ? trace.setSpanContext(context.active(), spanContext)
    : undefined;
}
