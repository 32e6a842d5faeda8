package main

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	reflection "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

var services = []string{
	"Example",
	"RaftAdmin",
	"coracle.v1.CoracleAdmin",
	"grpc.health.v1.Health",
	"grpc.reflection.v1.ServerReflection",
	"grpc.reflection.v1alpha.ServerReflection",
}

// Fields of the messages that tools know: names, numbers and types as hashicorp/raft's raftadmin and its example have them.
var fields = map[string]string{
	"AddWordRequest":                    "word:1:string",
	"AddWordResponse":                   "commit_index:1:uint64",
	"GetWordsRequest":                   "",
	"GetWordsResponse":                  "read_at_index:1:uint64 best_words:2:string*",
	"Future":                            "operation_token:1:string",
	"AwaitResponse":                     "error:1:string index:2:uint64",
	"ForgetResponse":                    "",
	"AddVoterRequest":                   "id:1:string address:2:string previous_index:3:uint64",
	"AddNonvoterRequest":                "id:1:string address:2:string previous_index:3:uint64",
	"ApplyLogRequest":                   "data:1:bytes extensions:2:bytes",
	"AppliedIndexRequest":               "",
	"AppliedIndexResponse":              "index:1:uint64",
	"BarrierRequest":                    "",
	"DemoteVoterRequest":                "id:1:string previous_index:2:uint64",
	"GetConfigurationRequest":           "",
	"GetConfigurationResponse":          "servers:1:message*",
	"GetConfigurationResponse.Server":   "suffrage:1:enum id:2:string address:3:string",
	"LastContactRequest":                "",
	"LastContactResponse":               "unix_nano:1:int64",
	"LastIndexRequest":                  "",
	"LastIndexResponse":                 "index:1:uint64",
	"LeaderRequest":                     "",
	"LeaderResponse":                    "address:1:string",
	"LeadershipTransferRequest":         "",
	"LeadershipTransferToServerRequest": "id:1:string address:2:string",
	"RemoveServerRequest":               "id:1:string previous_index:2:uint64",
	"ShutdownRequest":                   "",
	"SnapshotRequest":                   "",
	"StateRequest":                      "",
	"StateResponse":                     "state:1:enum",
	"StatsRequest":                      "",
	"StatsResponse":                     "stats:1:message*",
	"VerifyLeaderRequest":               "",
}

const reflectionMethod = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"

func checkReflection(c *cluster) error {
	for _, method := range []string{reflectionMethod, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"} {
		if err := checkReflectionOf(c.nodes[1], method); err != nil {
			return err
		}
		ok(method)
	}
	return nil
}

func checkReflectionOf(n *node, method string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	// The messages of both versions are the same.
	conn, err := n.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
	if err != nil {
		return err
	}
	ask := func(request *reflection.ServerReflectionRequest) (*reflection.ServerReflectionResponse, error) {
		if err := conn.SendMsg(request); err != nil {
			return nil, err
		}
		response := &reflection.ServerReflectionResponse{}
		return response, conn.RecvMsg(response)
	}

	listed, err := ask(&reflection.ServerReflectionRequest{MessageRequest: &reflection.ServerReflectionRequest_ListServices{}})
	if err != nil {
		return problem(method, "%v", err)
	}
	var names []string
	for _, service := range listed.GetListServicesResponse().GetService() {
		names = append(names, service.Name)
	}
	if !slices.Equal(names, services) {
		return problem(method, "services %v", names)
	}

	files := &descriptorpb.FileDescriptorSet{}
	for _, service := range services {
		answer, err := ask(&reflection.ServerReflectionRequest{
			MessageRequest: &reflection.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: service},
		})
		if err != nil {
			return problem(method, "%v", err)
		}
		for _, bytes := range answer.GetFileDescriptorResponse().GetFileDescriptorProto() {
			file := &descriptorpb.FileDescriptorProto{}
			if err := proto.Unmarshal(bytes, file); err != nil {
				return problem(method, "%v", err)
			}
			if !slices.ContainsFunc(files.File, func(one *descriptorpb.FileDescriptorProto) bool { return one.GetName() == file.GetName() }) {
				files.File = append(files.File, file)
			}
		}
	}
	registry, err := protodesc.NewFiles(files)
	if err != nil {
		return problem(method, "the files are not complete: %v", err)
	}
	if err := checkDescriptors(registry); err != nil {
		return problem(method, "%v", err)
	}
	if err := printMethods(registry); err != nil {
		return problem(method, "%v", err)
	}

	byName, err := ask(&reflection.ServerReflectionRequest{
		MessageRequest: &reflection.ServerReflectionRequest_FileByFilename{FileByFilename: "raftadmin.proto"},
	})
	if err != nil || len(byName.GetFileDescriptorResponse().GetFileDescriptorProto()) == 0 {
		return problem(method, "%v, %v", byName, err)
	}
	unknown, err := ask(&reflection.ServerReflectionRequest{
		MessageRequest: &reflection.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "Boats"},
	})
	if err != nil || unknown.GetErrorResponse().GetErrorCode() != int32(codes.NotFound) {
		return problem(method, "%v, %v", unknown, err)
	}
	return conn.CloseSend()
}

// checkDescriptors holds the messages that a node says it has to those that tools know.
func checkDescriptors(files *protoregistry.Files) error {
	for name, expected := range fields {
		descriptor, err := files.FindDescriptorByName(protoreflect.FullName(name))
		if err != nil {
			return err
		}
		message, isMessage := descriptor.(protoreflect.MessageDescriptor)
		if !isMessage {
			return fmt.Errorf("%s is no message", name)
		}
		found := ""
		for i := range message.Fields().Len() {
			field := message.Fields().Get(i)
			if i > 0 {
				found += " "
			}
			found += fmt.Sprintf("%s:%d:%s", field.Name(), field.Number(), field.Kind())
			if field.Cardinality() == protoreflect.Repeated {
				found += "*"
			}
		}
		if found != expected {
			return fmt.Errorf("%s has %q instead of %q", name, found, expected)
		}
	}
	return nil
}

// printMethods names all methods of all services, so that it can be seen that none is left out.
func printMethods(files *protoregistry.Files) error {
	for _, name := range services {
		descriptor, err := files.FindDescriptorByName(protoreflect.FullName(name))
		if err != nil {
			return err
		}
		service, isService := descriptor.(protoreflect.ServiceDescriptor)
		if !isService {
			return fmt.Errorf("%s is no service", name)
		}
		for i := range service.Methods().Len() {
			fmt.Printf("method /%s/%s\n", name, service.Methods().Get(i).Name())
		}
	}
	return nil
}
