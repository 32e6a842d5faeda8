/**
 * gRPC's server reflection: tools such as grpcurl ask a server what it serves, and need no .proto files.
 *
 * @module
 */
import {
  type DescEnum,
  type DescFile,
  type DescMessage,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { status } from "@grpc/grpc-js";
import type {
  ServerReflection,
  ServerReflectionRequest,
  ServerReflectionResponseSchema,
} from "../gen/grpc/reflection/v1/reflection_pb.ts";
import type { Handlers } from "./handlers.ts";

type Answer = NonNullable<
  MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"]
>;

/** The method of the service, for a server that serves all services of `files`. */
export function reflectionHandlers(files: readonly DescFile[]): Handlers<typeof ServerReflection> {
  const byName = new Map<string, DescFile>();
  for (const file of files) addWithImports(file, byName);
  const bySymbol = new Map<string, DescFile>();
  const messages = new Set<string>();
  for (const file of byName.values()) {
    for (const symbol of symbolsOf(file)) bySymbol.set(symbol, file);
    for (const message of allMessages(file.messages)) messages.add(message.typeName);
  }
  const services = files.flatMap((file) => file.services.map(({ typeName }) => typeName))
    .toSorted();

  const answer = ({ messageRequest }: ServerReflectionRequest): Answer => {
    switch (messageRequest.case) {
      case "fileByFilename":
        return fileAnswer(byName.get(messageRequest.value), `file ${messageRequest.value}`);
      case "fileContainingSymbol":
        return fileAnswer(bySymbol.get(messageRequest.value), `symbol ${messageRequest.value}`);
      case "fileContainingExtension": {
        const { containingType, extensionNumber } = messageRequest.value;
        return notFound(`extension ${extensionNumber} of ${containingType}`);
      }
      case "allExtensionNumbersOfType":
        // Messages of proto3 have no extensions.
        return messages.has(messageRequest.value)
          ? {
            case: "allExtensionNumbersResponse",
            value: { baseTypeName: messageRequest.value, extensionNumber: [] },
          }
          : notFound(`message ${messageRequest.value}`);
      case "listServices":
        return {
          case: "listServicesResponse",
          value: { service: services.map((name) => ({ name })) },
        };
      case undefined:
        return {
          case: "errorResponse",
          value: {
            errorCode: status.INVALID_ARGUMENT,
            errorMessage: "the request asks for nothing",
          },
        };
    }
  };

  return {
    serverReflectionInfo: (request) => ({
      validHost: request.host,
      originalRequest: request,
      messageResponse: answer(request),
    }),
  };

  function fileAnswer(file: DescFile | undefined, what: string): Answer {
    if (file === undefined) return notFound(what);
    const needed = new Map<string, DescFile>();
    addWithImports(file, needed);
    return {
      case: "fileDescriptorResponse",
      value: {
        fileDescriptorProto: [...needed.values()].map(({ proto }) =>
          toBinary(FileDescriptorProtoSchema, proto)
        ),
      },
    };
  }
}

function notFound(what: string): Answer {
  return {
    case: "errorResponse",
    value: { errorCode: status.NOT_FOUND, errorMessage: `${what} is not known here` },
  };
}

function addWithImports(file: DescFile, into: Map<string, DescFile>): void {
  if (into.has(file.proto.name)) return;
  into.set(file.proto.name, file);
  for (const imported of file.dependencies) addWithImports(imported, into);
}

function* allMessages(messages: readonly DescMessage[]): Generator<DescMessage> {
  for (const message of messages) {
    yield message;
    yield* allMessages(message.nestedMessages);
  }
}

/** Full names of everything that `file` declares. Values of an enum stand beside it, as in C++, not in it. */
function* symbolsOf(file: DescFile): Generator<string> {
  for (const service of file.services) {
    yield service.typeName;
    for (const method of service.methods) yield `${service.typeName}.${method.name}`;
  }
  for (const enumeration of file.enums) yield* enumSymbols(enumeration);
  for (const message of allMessages(file.messages)) {
    yield message.typeName;
    for (const field of message.fields) yield `${message.typeName}.${field.name}`;
    for (const oneof of message.oneofs) yield `${message.typeName}.${oneof.name}`;
    for (const enumeration of message.nestedEnums) yield* enumSymbols(enumeration);
  }
}

function* enumSymbols(enumeration: DescEnum): Generator<string> {
  yield enumeration.typeName;
  const scope = enumeration.typeName.slice(0, -enumeration.name.length);
  for (const value of enumeration.values) yield `${scope}${value.name}`;
}
