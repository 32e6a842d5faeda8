/**
 * What every service does, whatever it serves.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type ClientDuplexStream, status } from "@grpc/grpc-js";
import {
  ServerReflection,
  type ServerReflectionResponse,
} from "../gen/grpc/reflection/v1/reflection_pb.ts";
import { Served } from "./_testing/served.ts";
import { implement, methodDefinition } from "./service.ts";
import { statusOf } from "./status.ts";

const REQUESTS = 4000;
const ANSWER_SIZE_BYTES = 16 * 1024;

Deno.test("a dialog takes no further requests from who reads no answers", async () => {
  let taken = 0;
  const errorMessage = "x".repeat(ANSWER_SIZE_BYTES);
  const service = implement(ServerReflection, {
    serverReflectionInfo: ({ host }) => {
      if (host !== "aside") taken += 1;
      return {
        validHost: host,
        messageResponse: { case: "errorResponse", value: { errorCode: 0, errorMessage } },
      };
    },
  }, (error) => statusOf(error, () => undefined));
  await using served = await Served.start(service);
  const { client } = served;
  const method = ServerReflection.method.serverReflectionInfo;
  const codec = methodDefinition(method, `/${method.parent.typeName}/${method.name}`);
  const open = () =>
    client.makeBidiStreamRequest(
      codec.path,
      codec.requestSerialize,
      codec.responseDeserialize,
    ) as ClientDuplexStream<unknown, ServerReflectionResponse>;

  const call = open();
  for (let at = 0; at < REQUESTS; at += 1) call.write({ host: `${at}` });
  call.end();
  // Whatever is between takes some, and no more: as long as nothing is read, it comes to rest.
  let before: number;
  do {
    before = taken;
    const aside = open();
    aside.end({ host: "aside" });
    for await (const _ of aside);
  } while (taken !== before || taken === 0);
  assert(taken < REQUESTS / 2, `${taken} of ${REQUESTS} requests were taken, no answer was read`);

  const ended = new Promise<status>((resolve) => call.on("status", ({ code }) => resolve(code)));
  const hosts: string[] = [];
  for await (const { validHost } of call) hosts.push(validHost);
  assertEquals(await ended, status.OK);
  assertEquals(hosts, Array.from({ length: REQUESTS }, (_, at) => `${at}`));
});
