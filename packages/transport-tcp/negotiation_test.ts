import { MalformedError } from "@coracle/core";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { encodeHello, type Hello, PROTOCOL_VERSION } from "./handshake.ts";
import { admit, HandshakeError, type Identity, introduce } from "./negotiation.ts";
import { memoryStreams } from "./_testing/memory_streams.ts";

function identity(id: string, clusterId = "words"): Identity {
  return {
    id,
    clusterId,
    address: `${id}:7001`,
    clientAddress: `${id}:50051`,
    incarnation: 5,
    frameSizeMaxBytes: 1000,
  };
}

/** Both sides of a handshake, each as a value or an error. */
async function meet(
  dialler: Identity,
  to: string,
  dialled: Identity,
): Promise<PromiseSettledResult<unknown>[]> {
  const [here, there] = memoryStreams();
  return await Promise.allSettled([introduce(here, dialler, to, 1), admit(there, dialled)]);
}

Deno.test("two nodes of one cluster come together and know of each other", async () => {
  const [answer, hello] = await meet(identity("n1"), "n2", identity("n2"));
  assert(answer?.status === "fulfilled" && hello?.status === "fulfilled");
  assertEquals(answer.value, {
    refusal: undefined,
    reason: "",
    incarnation: 5,
    frameSizeMaxBytes: 1000,
  });
  assertEquals(hello.value, {
    purpose: 1,
    incarnation: 5,
    clusterId: "words",
    from: "n1",
    fromAddress: "n1:7001",
    to: "n2",
    clientAddress: "n1:50051",
  });
});

Deno.test("who does not belong together is told so, on both sides and in words", async () => {
  const cases: [Identity, string, Identity, string][] = [
    [
      identity("n1", "words"),
      "n2",
      identity("n2", "numbers"),
      'wrong cluster: "n1" is of cluster "words"; "n2" is of cluster "numbers"',
    ],
    [identity("n1"), "n3", identity("n2"), 'wrong node: "n1" wants "n3"; this is "n2"'],
    [identity("n2"), "n2", identity("n2"), "wrong node: the one that dials has the id of this one"],
  ];
  for (const [dialler, to, dialled, reason] of cases) {
    for (const side of await meet(dialler, to, dialled)) {
      assert(side.status === "rejected" && side.reason instanceof HandshakeError);
      assert(side.reason.message.includes(reason), side.reason.message);
    }
  }
});

/** What `admit` makes of `bytes`, and what it answers. */
async function admitBytes(bytes: Uint8Array): Promise<{ error: Error; answered: boolean }> {
  const [here, there] = memoryStreams();
  await here.write(bytes);
  const error = await assertRejects(() => admit(there, identity("n2"))) as Error;
  there.close();
  return { error, answered: await here.read(new Uint8Array(1)) !== null };
}

const HELLO: Hello = {
  purpose: 1,
  incarnation: 1,
  clusterId: "words",
  from: "n1",
  fromAddress: "n1:7001",
  to: "n2",
  clientAddress: "",
};

Deno.test("a purpose that this version does not know is refused by its number", async () => {
  const { error, answered } = await admitBytes(encodeHello({ ...HELLO, purpose: 9 }));
  assert(error instanceof HandshakeError && answered);
  assertEquals(error.message, "purpose 9 is not supported; 1 (messages) and 2 (snapshot) are");
});

Deno.test("another version is refused by its number, whatever follows in it", async () => {
  const hello = encodeHello(HELLO);
  hello.fill(0xee, 8);
  new DataView(hello.buffer).setUint16(4, PROTOCOL_VERSION + 1);
  const { error, answered } = await admitBytes(hello);
  assert(error instanceof HandshakeError && answered);
  const expected = "wrong version: the other side speaks protocol version 2; this one speaks 1";
  assertEquals(error.message, expected);

  const [here, there] = memoryStreams();
  const introduced = introduce(here, identity("n1"), "n2", 1);
  await there.write(hello);
  assertEquals((await assertRejects(() => introduced, HandshakeError)).message, expected);
});

Deno.test("what is no handshake gets no answer", async () => {
  const garbled = encodeHello(HELLO);
  garbled[20]! ^= 1;
  for (const bytes of [new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"), garbled]) {
    const { error, answered } = await admitBytes(bytes);
    assert(error instanceof MalformedError && !answered, String(error));
  }
});

Deno.test("a handshake that is cut at any byte ends", async () => {
  const hello = encodeHello(HELLO);
  for (let length = 0; length < hello.length; length += 1) {
    const [here, there] = memoryStreams();
    await here.write(hello.subarray(0, length));
    here.close();
    await assertRejects(() => admit(there, identity("n2")), HandshakeError, "closed during");
  }
});

Deno.test("a handshake takes no byte of what follows it", async () => {
  const [here, there] = memoryStreams();
  const hello = encodeHello(HELLO);
  await here.write(Uint8Array.of(...hello, 1, 2, 3));
  await admit(there, identity("n2"));
  const rest = new Uint8Array(10);
  assertEquals(await there.read(rest), 3);
  assertEquals([...rest.subarray(0, 3)], [1, 2, 3]);
});
