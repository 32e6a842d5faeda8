/**
 * Reflection: a client that knows nothing learns enough to call the server.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { create, createFileRegistry, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { status } from "@grpc/grpc-js";
import { file_example } from "../gen/example_pb.ts";
import { file_grpc_health_v1_health } from "../gen/grpc/health/v1/health_pb.ts";
import {
  ServerReflection,
  type ServerReflectionRequestSchema,
  type ServerReflectionResponse,
} from "../gen/grpc/reflection/v1/reflection_pb.ts";
import { Served } from "./_testing/served.ts";
import { reflectionHandlers } from "./reflection.ts";
import { implement, methodDefinition } from "./service.ts";
import { statusOf } from "./status.ts";

type Request = MessageInitShape<typeof ServerReflectionRequestSchema>["messageRequest"];
type Response = ServerReflectionResponse["messageResponse"];

const ask = (() => {
  const { serverReflectionInfo } = reflectionHandlers([file_example, file_grpc_health_v1_health]);
  return (messageRequest: Request): Response => {
    const request = create(ServerReflection.method.serverReflectionInfo.input, {
      ...(messageRequest === undefined ? {} : { messageRequest }),
    });
    const answer = serverReflectionInfo(request);
    return create(ServerReflection.method.serverReflectionInfo.output, answer).messageResponse;
  };
})();

function fileNames(response: Response): string[] {
  assert(response.case === "fileDescriptorResponse", `answered ${response.case}`);
  return response.value.fileDescriptorProto.map((bytes) =>
    fromBinary(FileDescriptorProtoSchema, bytes).name
  );
}

function errorCode(response: Response): status {
  assert(response.case === "errorResponse", `answered ${response.case}`);
  return response.value.errorCode;
}

Deno.test("all services are listed", () => {
  const response = ask({ case: "listServices", value: "" });
  assert(response.case === "listServicesResponse");
  assertEquals(response.value.service.map(({ name }) => name), [
    "Example",
    "grpc.health.v1.Health",
  ]);
});

Deno.test("a file is found by its name and by every symbol in it", () => {
  const health = "grpc/health/v1/health.proto";
  assertEquals(fileNames(ask({ case: "fileByFilename", value: health })), [health]);
  for (
    const symbol of [
      "grpc.health.v1.Health",
      "grpc.health.v1.Health.Watch",
      "grpc.health.v1.HealthCheckRequest",
      "grpc.health.v1.HealthCheckRequest.service",
      "grpc.health.v1.HealthCheckResponse.ServingStatus",
      "grpc.health.v1.HealthCheckResponse.SERVING",
    ]
  ) {
    assertEquals(fileNames(ask({ case: "fileContainingSymbol", value: symbol })), [health], symbol);
  }
  const word = ask({ case: "fileContainingSymbol", value: "Example.AddWord" });
  assertEquals(fileNames(word), ["example.proto"]);
});

Deno.test("the files that are sent are enough to call a method", () => {
  const response = ask({ case: "fileContainingSymbol", value: "Example" });
  assert(response.case === "fileDescriptorResponse");
  const file = response.value.fileDescriptorProto.map((bytes) =>
    fromBinary(FileDescriptorProtoSchema, bytes)
  );
  const example = createFileRegistry(create(FileDescriptorSetSchema, { file })).getService(
    "Example",
  );
  assertEquals(example?.method["addWord"]?.input.field["word"]?.number, 1);
});

Deno.test("what is not known is said not to be", () => {
  assertEquals(errorCode(ask({ case: "fileByFilename", value: "x.proto" })), status.NOT_FOUND);
  assertEquals(errorCode(ask({ case: "fileContainingSymbol", value: "X" })), status.NOT_FOUND);
  assertEquals(
    errorCode(ask({
      case: "fileContainingExtension",
      value: { containingType: "AddWordRequest", extensionNumber: 1 },
    })),
    status.NOT_FOUND,
  );
  assertEquals(
    errorCode(ask({ case: "allExtensionNumbersOfType", value: "X" })),
    status.NOT_FOUND,
  );
  assertEquals(errorCode(ask(undefined)), status.INVALID_ARGUMENT);
});

Deno.test("messages of proto3 have no extensions", () => {
  const response = ask({ case: "allExtensionNumbersOfType", value: "AddWordRequest" });
  assert(response.case === "allExtensionNumbersResponse");
  assertEquals(response.value.extensionNumber, []);
});

Deno.test("a dialog answers each request in order, also after the client has no more", async () => {
  const alpha = "grpc.reflection.v1alpha.ServerReflection";
  const service = implement(
    ServerReflection,
    reflectionHandlers([file_example]),
    (error) => statusOf(error, () => undefined),
    alpha,
  );
  await using served = await Served.start(service);
  const { client } = served;
  const method = ServerReflection.method.serverReflectionInfo;
  const codec = methodDefinition(method, `/${alpha}/${method.name}`);
  const call = client.makeBidiStreamRequest(
    codec.path,
    codec.requestSerialize,
    codec.responseDeserialize,
  );
  const cases: unknown[] = [];
  const ended = new Promise<status>((resolve) => call.on("status", ({ code }) => resolve(code)));
  call.on(
    "data",
    (answer) => cases.push((answer as ServerReflectionResponse).messageResponse.case),
  );
  call.write({ messageRequest: { case: "listServices", value: "" } });
  call.write({ messageRequest: { case: "fileByFilename", value: "example.proto" } });
  call.end();
  assertEquals(await ended, status.OK);
  assertEquals(cases, ["listServicesResponse", "fileDescriptorResponse"]);
});
