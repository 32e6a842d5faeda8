package main

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"coracle.test/clients/wire"
)

func checkExample(c *cluster) error {
	found, others, err := c.leader()
	if err != nil {
		return err
	}
	const add, get = "/Example/AddWord", "/Example/GetWords"
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()

	var commitIndex uint64
	for _, word := range []string{"oar", "coracle", "été"} {
		answer, err := wire.Call(ctx, c.leading, add, wire.Request{{Number: 1, Value: word}})
		if err != nil || answer.Uint(1) <= commitIndex {
			return problem(add, "%v %v after %d", answer, err, commitIndex)
		}
		commitIndex = answer.Uint(1)
	}
	for _, n := range others {
		_, err := n.call(add, wire.Field{Number: 1, Value: "keel"})
		if status.Code(err) != codes.Unavailable {
			return problem(add, "a follower answers %v", err)
		}
	}
	for _, word := range []string{"", "two\nwords"} {
		if _, err := found.call(add, wire.Field{Number: 1, Value: word}); status.Code(err) != codes.InvalidArgument {
			return problem(add, "%q is answered by %v", word, err)
		}
	}
	ok(add)

	// Every node answers with all that was added before, also one that does not lead.
	for _, n := range c.nodes {
		for _, level := range []string{"", "lease", "linearizable"} {
			ctx := ctx
			if level != "" {
				ctx = metadata.AppendToOutgoingContext(ctx, "read-level", level)
			}
			answer, err := wire.Call(ctx, n.conn, get, nil)
			words := answer.Strings(2)
			if err != nil || answer.Uint(1) < commitIndex || len(words) != 3 || words[0] != "coracle" || words[1] != "été" {
				return problem(get, "%s at level %q: %q at %d, %v", n.id, level, words, answer.Uint(1), err)
			}
		}
	}
	local := metadata.AppendToOutgoingContext(ctx, "read-level", "local")
	err = eventually("followers have the words, too", func() bool {
		for _, n := range c.nodes {
			if answer, err := wire.Call(local, n.conn, get, nil); err != nil || answer.Uint(1) < commitIndex {
				return false
			}
		}
		return true
	})
	if err != nil {
		return err
	}
	var trailer metadata.MD
	nonsense := metadata.AppendToOutgoingContext(ctx, "read-level", "fresh")
	if _, err := wire.Call(nonsense, found.conn, get, nil, grpc.Trailer(&trailer)); status.Code(err) != codes.InvalidArgument {
		return problem(get, "an unknown level is answered by %v", err)
	}
	if codes := trailer.Get("coracle-code"); len(codes) != 1 || codes[0] != "invalid-argument" {
		return problem(get, "trailer %v", trailer)
	}
	ok(get)
	return nil
}
