/**
 * HTTP of a real cluster: three nodes, three processes.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Cluster, type ClusterNode, clusterTest } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";

/** Asks a node. Redirects are not followed. */
async function ask(
  { http }: Pick<ClusterNode, "http">,
  method: string,
  target: string,
  body?: unknown,
): Promise<{ status: number; headers: Headers; json: Record<string, unknown> }> {
  const response = await fetch(`http://${http}${target}`, {
    method,
    redirect: "manual",
    ...(body === undefined
      ? {}
      : body instanceof Uint8Array
      ? { body: body as BodyInit }
      : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  return { status: response.status, headers: response.headers, json: await response.json() };
}

/** A leader that everybody knows, and one of the others. */
async function leaderAndFollower(
  cluster: Cluster,
): Promise<{ leader: ClusterNode; follower: ClusterNode }> {
  const leader = await cluster.leader();
  const follower = cluster.nodes.find((node) => node !== leader)!;
  await eventually("all nodes are ready", async () => {
    // One that has just been started does not listen yet.
    const ready = (node: ClusterNode) => ask(node, "GET", "/ready").catch(() => undefined);
    const answers = await Promise.all(cluster.nodes.map(ready));
    return answers.every((answer) => answer?.json["leader"] === leader.id);
  });
  return { leader, follower };
}

clusterTest("a follower sends clients on, or asks the leader for them", async (cluster) => {
  const { leader, follower } = await leaderAndFollower(cluster);
  const refused = await ask(follower, "POST", "/v1/words", { words: ["oar"] });
  assertEquals([refused.status, refused.json["code"]], [307, "not-leader"]);
  assertEquals(refused.headers.get("location"), `http://${leader.http}/v1/words`);
  assertEquals(refused.json["leader"], { id: leader.id, url: `http://${leader.http}` });

  // A client that follows redirects arrives, body and all.
  const followed = await fetch(`http://${follower.http}/v1/words`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ words: ["oar"] }),
  });
  assertEquals([followed.status, (await followed.json()).words[0].word], [200, "oar"]);

  const forwarded = await ask(follower, "POST", "/v1/words?forward=true", { words: ["paddle"] });
  assertEquals([forwarded.status, forwarded.headers.get("coracle-served-by")], [200, leader.id]);
  // What was acknowledged is read everywhere.
  for (const node of cluster.nodes) {
    const { json } = await ask(node, "GET", "/v1/words");
    assertEquals(json["bestWords"], ["paddle", "oar"]);
  }
}, { http: true });

clusterTest("members, leadership, snapshots: over HTTP, at any node", async (cluster) => {
  const { leader, follower } = await leaderAndFollower(cluster);
  const demoted = await ask(
    follower,
    "POST",
    `/v1/members/${follower.id}/demote?forward=true`,
  );
  assertEquals(demoted.status, 200, JSON.stringify(demoted.json));
  const promoted = await ask(leader, "PUT", `/v1/members/${follower.id}`, {
    previousIndex: demoted.json["index"],
  });
  assertEquals(promoted.status, 200, JSON.stringify(promoted.json));
  const stale = await ask(leader, "DELETE", `/v1/members/${follower.id}?previousIndex=1`);
  assertEquals([stale.status, stale.json["code"]], [409, "configuration-changed"]);

  assertEquals((await ask(leader, "POST", "/v1/words", { words: ["oar"] })).status, 200);
  const snapshot = await ask(leader, "POST", "/v1/snapshots");
  assertEquals(snapshot.status, 200, JSON.stringify(snapshot.json));
  const again = await ask(leader, "POST", "/v1/snapshots");
  assertEquals([again.status, again.json["code"]], [409, "nothing-new-to-snapshot"]);

  const transfer = await ask(leader, "POST", "/v1/leadership/transfer", { to: follower.id });
  assertEquals(transfer.status, 200, JSON.stringify(transfer.json));
  await eventually("the other node leads", async () => {
    const { json } = await ask(follower, "GET", "/v1/status");
    return json["state"] === "leader";
  });
  const { json } = await ask(follower, "GET", "/v1/status");
  const followers = json["followers"] as { id: string; matchIndex: number; lagEntries: number }[];
  assertEquals(followers.length, 2);
  const members = json["members"] as { id: string; httpUrl: string }[];
  assertEquals(
    members.map(({ httpUrl }) => httpUrl).toSorted(),
    cluster.nodes.map(({ http }) => `http://${http}`).toSorted(),
  );
}, { http: true });

clusterTest(
  "a backup goes out of one node and back into all; a damaged one changes nothing",
  async (cluster) => {
    const { leader, follower } = await leaderAndFollower(cluster);
    await ask(leader, "POST", "/v1/words", { words: ["oar", "paddle"] });
    const backup = await (await fetch(`http://${follower.http}/v1/backup`)).bytes();
    await ask(leader, "POST", "/v1/words", { words: ["longest of all"] });

    const damaged = backup.slice();
    damaged[damaged.length - 20]! ^= 1;
    const refused = await ask(leader, "POST", "/v1/restore", damaged);
    assertEquals([refused.status, refused.json["code"]], [400, "invalid-backup"]);
    const short = await ask(leader, "POST", "/v1/restore", backup.subarray(0, 30));
    assertMatch(String(short.json["detail"]), /^the backup is cut short/);
    const kept = await ask(leader, "GET", "/v1/words");
    assertEquals((kept.json["bestWords"] as string[])[0], "longest of all");

    const restored = await ask(follower, "POST", "/v1/restore?forward=true", backup);
    assertEquals([restored.status, restored.json["sizeBytes"]], [200, "paddle\noar\n".length]);
    for (const node of cluster.nodes) {
      const { json } = await ask(node, "GET", "/v1/words");
      assertEquals(json["bestWords"], ["paddle", "oar"]);
    }
  },
  { http: true },
);

clusterTest(
  "metrics are hashicorp's, and events tell of a leader that is killed",
  async (cluster) => {
    const { leader, follower } = await leaderAndFollower(cluster);
    await ask(leader, "POST", "/v1/words", { words: ["oar"] });
    const text = await (await fetch(`http://${leader.http}/metrics`)).text();
    for (
      const line of [
        /^raft_apply 1$/m,
        /^raft_state_leader 1$/m,
        /^raft_commitTime_count \d+$/m,
        /^raft_wal_log_appends \d+$/m,
        /^raft_replication_appendEntries_rpc_count\{peer_id="n\d"\} \d+$/m,
        /^raft_net_sentBytes\{peer_id="n\d"\} \d+$|^# TYPE raft_net_sentBytes counter$/m,
      ]
    ) assertMatch(text, line);

    const gone = new AbortController();
    const events = await fetch(`http://${follower.http}/v1/events`, { signal: gone.signal });
    const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader();
    const first = (await reader.read()).value!;
    assertMatch(first, /^id: 1\nevent: status\ndata: \{/);
    await leader.kill();
    let told = first;
    const hasNewLeader = () =>
      /"leader":\{"id":"(n\d)"/.exec(told)?.[1] !== leader.id && /"leader":/.test(told);
    await eventually("the events name another leader", async () => {
      told = (await reader.read()).value!;
      assert(told !== undefined, "the stream goes on");
      return hasNewLeader();
    });
    gone.abort();
    await reader.read().catch(() => {});
    const others = cluster.nodes.filter((node) => node !== leader);
    await eventually("the others add words again", async () => {
      const added = await ask(others[0]!, "POST", "/v1/words?forward=true", { words: ["keel"] });
      return added.status === 200;
    });
  },
  { http: true },
);

/** As /openapi.json has it. */
interface Operation {
  readonly operationId: string;
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
}

clusterTest("bad input at every endpoint is named, and changes nothing", async (cluster) => {
  const { leader } = await leaderAndFollower(cluster);
  assertEquals((await ask(leader, "POST", "/v1/words", { words: ["oar"] })).status, 200);
  const before = (await ask(leader, "GET", "/v1/status")).json;

  const { paths } = (await ask(leader, "GET", "/openapi.json")).json as {
    paths: Record<string, Record<string, Operation>>;
  };
  const refusals: string[] = [];
  for (const [template, operations] of Object.entries(paths)) {
    const target = template.replace("{id}", "n9");
    for (const [method, { operationId, requestBody }] of Object.entries(operations)) {
      const isJson = requestBody?.content["application/json"] !== undefined;
      const bad: [string, number, RequestInit][] = [
        [`${target}?nonsense=1`, 400, {
          ...(isJson ? { body: "{}", headers: { "content-type": "application/json" } } : {}),
        }],
        ...(isJson
          ? ["{", "null", '{"nonsense": 1}', "[[[[[["].map((
            body,
          ): [string, number, RequestInit] => [target, 400, {
            body,
            headers: { "content-type": "application/json" },
          }])
          : []),
        ...(isJson ? [[target, 415, { body: "{}" }] as [string, number, RequestInit]] : []),
        ...(requestBody !== undefined && !isJson
          ? [[target, 400, { body: "no backup" }] as [string, number, RequestInit]]
          : []),
      ];
      for (const [url, expected, init] of bad) {
        const response = await fetch(`http://${leader.http}${url}`, {
          ...init,
          method: method.toUpperCase(),
        });
        const { detail, code } = await response.json();
        assertEquals(response.status, expected, `${operationId} ${init.body}: ${detail}`);
        assert(detail.length > 0 && code.length > 0);
        refusals.push(operationId);
      }
    }
    const wrong = await ask(leader, "PATCH", target);
    assertEquals([wrong.status, wrong.json["code"]], [405, "method-not-allowed"]);
  }
  assertEquals(
    new Set(refusals),
    new Set(
      Object.values(paths).flatMap((one) => Object.values(one)).map((one) => one.operationId),
    ),
  );
  const large = await ask(leader, "POST", "/v1/words", { words: ["x".repeat(20 * 1024 * 1024)] });
  assertEquals([large.status, large.json["code"]], [413, "body-too-large"]);

  const after = (await ask(leader, "GET", "/v1/status")).json;
  for (
    const field of ["term", "lastLogIndex", "configurationIndex", "lastSnapshotIndex", "logLevel"]
  ) {
    assertEquals(after[field], before[field], field);
  }
}, { http: true });
