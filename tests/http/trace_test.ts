/**
 * One trace for the life of a write, as an OTLP collector receives it from three processes.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Cluster, type ClusterNode } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { NodeClient } from "../support/node_client.ts";
import { encodeText } from "../support/protobuf.ts";

interface Attribute {
  readonly key: string;
  readonly value: Readonly<
    Partial<Record<"stringValue" | "intValue" | "doubleValue", string | number>>
  >;
}

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: readonly Attribute[];
}

/** Takes what processes export, as OTLP over HTTP in JSON. */
class Collector implements AsyncDisposable {
  readonly spans: Span[] = [];
  readonly metricNames = new Set<string>();
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      // deno-lint-ignore no-explicit-any
      const given: any = await request.json();
      for (const resource of given.resourceSpans ?? []) {
        for (const scope of resource.scopeSpans) this.spans.push(...scope.spans);
      }
      for (const resource of given.resourceMetrics ?? []) {
        for (const scope of resource.scopeMetrics) {
          for (const { name } of scope.metrics) this.metricNames.add(name);
        }
      }
      return Response.json({});
    },
  );

  /** What a process is told to export here, often. */
  get env(): Record<string, string> {
    return {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${this.#server.addr.port}`,
      OTEL_BSP_SCHEDULE_DELAY: "100",
      OTEL_METRIC_EXPORT_INTERVAL: "500",
    };
  }

  /** Waits until so many spans of the trace are called `name` and are as `fits` says, and resolves to them. */
  async named(
    traceId: string,
    name: string,
    count: number,
    fits: (span: Span) => boolean = () => true,
  ): Promise<Span[]> {
    const found = () =>
      this.spans.filter((span) => span.traceId === traceId && span.name === name && fits(span));
    await eventually(
      `${count} spans ${name} have come`,
      () => found().length >= count,
      { describe: () => `but only ${this.spans.map((span) => span.name)}` },
    );
    return found();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

function attribute({ attributes }: Span, name: string): string {
  const value = attributes.find(({ key }) => key === name)?.value;
  return String(value?.stringValue ?? value?.intValue ?? value?.doubleValue);
}

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const OTHER_TRACE = "0af7651916cd43dd8448eb211c803199";
const PARENT = "b7ad6b7169203331";

Deno.test("a write is one trace: where it was asked for, on the leader, and on all that apply it", async () => {
  await using collector = new Collector();
  await using cluster = Cluster.start(3, [], { http: true, env: collector.env });
  const leader = await cluster.leader();
  const follower = cluster.nodes.find((node) => node !== leader)!;
  const add = (node: ClusterNode) =>
    fetch(`http://${node.http}/v1/words?forward=true`, {
      method: "POST",
      redirect: "manual",
      headers: { "content-type": "application/json", traceparent: `00-${TRACE}-${PARENT}-01` },
      body: JSON.stringify({ words: ["oar"] }),
    });
  const index = await eventually("the follower forwards", async () => {
    const response = await add(follower).catch(() => undefined);
    const answer = await response?.json();
    return response?.status === 200 ? answer.words[0].index as number : undefined;
  });

  const isWord = (span: Span) => attribute(span, "raft.index") === String(index);
  const [apply] = await collector.named(TRACE, "raft.apply", 1, isWord);
  assertEquals(attribute(apply!, "coracle.node.id"), leader.id);
  const fsm = await collector.named(TRACE, "fsm.apply", 3, isWord);
  assertEquals(fsm.map((span) => span.parentSpanId), Array(3).fill(apply!.spanId));
  assertEquals(
    fsm.map((span) => attribute(span, "coracle.node.id")).toSorted(),
    ["n1", "n2", "n3"],
  );
  // From there, it goes back to where the client began: over both nodes, span by span.
  await eventually("the spans of the requests have come", () => {
    const byId = new Map(collector.spans.map((span) => [span.spanId, span]));
    let at: Span | undefined = apply;
    let steps = 0;
    while (at !== undefined && at.parentSpanId !== PARENT) {
      at = byId.get(at.parentSpanId ?? "");
      steps += 1;
    }
    return at !== undefined && steps === 3;
  });

  // Over gRPC, the context is metadata.
  await using client = new NodeClient(leader.grpc);
  const metadata = { traceparent: `00-${OTHER_TRACE}-${PARENT}-01` };
  const added = await client.call("/Example/AddWord", encodeText("paddle"), { metadata });
  assert(added.ok);
  const [served] = await collector.named(OTHER_TRACE, "Example/AddWord", 1);
  assertEquals(served!.parentSpanId, PARENT);
  const [applied] = await collector.named(OTHER_TRACE, "raft.apply", 1);
  assertEquals(applied!.parentSpanId, served!.spanId);
  await collector.named(OTHER_TRACE, "fsm.apply", 3);

  await eventually("metrics have come under hashicorp's names", () => {
    return ["raft.apply", "raft.commitTime", "raft.wal.log_appends"].every((name) =>
      collector.metricNames.has(name)
    );
  });
});
