/**
 * Whether this process exports to OpenTelemetry (`OTEL_DENO=true`).
 *
 * @module
 */
import { trace, type Tracer } from "@opentelemetry/api";
import { VERSION } from "../version.ts";

/** Makes the node's spans. */
export function nodeTracer(): Tracer {
  return trace.getTracer("coracle", VERSION);
}

/** See the module's description. A span that is not ended is not exported. */
export function isTelemetryOn(): boolean {
  return nodeTracer().startSpan("coracle").isRecording();
}
