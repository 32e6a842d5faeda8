package main

import (
	"context"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// The words service, as bench/node.ts's counterpart serves it: /Example/AddWord
// with a message of one string, answered by one of one uint64. These are what
// StringValue and UInt64Value are on the wire, so no code is generated.
const addWordMethod = "/Example/AddWord"

// enqueueTimeout is how long a call may wait until Raft takes it, as in the
// example that people start from.
const enqueueTimeout = time.Second

var exampleService = grpc.ServiceDesc{
	ServiceName: "Example",
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "AddWord", Handler: addWord}},
}

func addWord(server any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	word := new(wrapperspb.StringValue)
	if err := decode(word); err != nil {
		return nil, err
	}
	future := server.(*node).raft.Apply([]byte(word.GetValue()), enqueueTimeout)
	if err := future.Error(); err != nil {
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	return wrapperspb.UInt64(future.Index()), nil
}

// serve lets clients call the node over gRPC, and returns where.
func (n *node) serve() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	server := grpc.NewServer()
	server.RegisterService(&exampleService, n)
	go func() { check(server.Serve(listener)) }()
	return listener.Addr().String()
}

// measureGrpc lets callers add words at o.Address, all of them on one connection.
func (n *node) measureGrpc(o order) measurement {
	connection, err := grpc.NewClient(o.Address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(err)
	defer connection.Close()
	word := wrapperspb.String(strings.Repeat("a", o.Size))
	return n.measure(o, func(int) bool {
		return connection.Invoke(context.Background(), addWordMethod, word, new(wrapperspb.UInt64Value)) == nil
	})
}
