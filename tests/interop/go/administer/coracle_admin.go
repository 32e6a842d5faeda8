package main

import (
	"bytes"
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"coracle.test/clients/wire"
)

const (
	statusMethod   = "/coracle.v1.CoracleAdmin/Status"
	backupMethod   = "/coracle.v1.CoracleAdmin/Backup"
	restoreMethod  = "/coracle.v1.CoracleAdmin/Restore"
	stepDownMethod = "/coracle.v1.CoracleAdmin/StepDown"
	logLevelMethod = "/coracle.v1.CoracleAdmin/SetLogLevel"
)

// checkCoracleAdmin checks what the nodes have beyond raftadmin.
func checkCoracleAdmin(c *cluster) error {
	found, others, err := c.leader()
	if err != nil {
		return err
	}
	for _, n := range c.nodes {
		answer, err := n.call(statusMethod)
		if err != nil || answer.String(1) != n.id || len(answer[17]) != len(c.nodes) {
			return problem(statusMethod, "%v, %v", answer, err)
		}
		leader, err := answer.Messages(8)
		if err != nil || len(leader) != 1 || leader[0].String(1) != found.id || leader[0].String(4) != found.clients {
			return problem(statusMethod, "%s says that %v leads, %v", n.id, leader, err)
		}
	}
	ok(statusMethod)

	before, err := found.words()
	if err != nil {
		return err
	}
	// On any node, all that was acknowledged before is in it.
	backup, err := others[1].backup()
	if err != nil || !bytes.HasPrefix(backup, []byte("CRCLBKUP")) {
		return problem(backupMethod, "%q, %v", backup, err)
	}
	ok(backupMethod)

	if _, err := found.call("/Example/AddWord", wire.Field{Number: 1, Value: "a word that is longer than all"}); err != nil {
		return err
	}
	damaged := bytes.Clone(backup)
	damaged[len(damaged)/2] ^= 1
	if _, err := found.restore(damaged); status.Code(err) != codes.InvalidArgument {
		return problem(restoreMethod, "a damaged backup is answered by %v", err)
	}
	if _, err := others[0].restore(backup); status.Code(err) != codes.Unavailable {
		return problem(restoreMethod, "a follower answers %v", err)
	}
	if after, err := found.words(); err != nil || after == before {
		return problem(restoreMethod, "what was refused has changed something: %s, %v", after, err)
	}
	if _, err := found.restore(backup); err != nil {
		return problem(restoreMethod, "%v", err)
	}
	for _, n := range c.nodes {
		if after, err := n.words(); err != nil || after != before {
			return problem(restoreMethod, "%s has %s instead of %s, %v", n.id, after, before, err)
		}
	}
	ok(restoreMethod)

	level := func(text string) wire.Field { return wire.Field{Number: 1, Value: text} }
	changed, err := found.call(logLevelMethod, level("warning"))
	if err != nil || changed.String(1) != "info" {
		return problem(logLevelMethod, "%v, %v", changed, err)
	}
	if changed, err = found.call(logLevelMethod, level("info")); err != nil || changed.String(1) != "warning" {
		return problem(logLevelMethod, "%v, %v", changed, err)
	}
	if _, err := found.call(logLevelMethod, level("loud")); status.Code(err) != codes.InvalidArgument {
		return problem(logLevelMethod, "an unknown level is answered by %v", err)
	}
	ok(logLevelMethod)

	if _, err := others[0].call(stepDownMethod); status.Code(err) != codes.Unavailable {
		return problem(stepDownMethod, "a follower answers %v", err)
	}
	if _, err := found.call(stepDownMethod); err != nil {
		return problem(stepDownMethod, "%v", err)
	}
	ok(stepDownMethod)
	return nil
}

// words are the best words of a node, in one text.
func (n *node) words() (string, error) {
	answer, err := n.call("/Example/GetWords")
	return string(answer.Bytes(2)), err
}

// backup reads a backup of a node.
func (n *node) backup() ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stream, err := n.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, backupMethod, grpc.ForceCodec(wire.Codec{}))
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(wire.Request{}); err != nil {
		return nil, err
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	var backup []byte
	for {
		piece := wire.Message{}
		err := stream.RecvMsg(&piece)
		if errors.Is(err, io.EOF) {
			return backup, nil
		}
		if err != nil {
			return nil, err
		}
		backup = append(backup, piece.Bytes(1)...)
	}
}

// restore gives a backup to a node, in small pieces.
func (n *node) restore(backup []byte) (wire.Message, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stream, err := n.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, restoreMethod, grpc.ForceCodec(wire.Codec{}))
	if err != nil {
		return nil, err
	}
	for len(backup) > 0 {
		size := min(len(backup), 10)
		// A node that refuses has ended the call: what it says is read below.
		if err := stream.SendMsg(wire.Request{{Number: 1, Value: backup[:size]}}); err != nil {
			break
		}
		backup = backup[size:]
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	answer := wire.Message{}
	return answer, stream.RecvMsg(&answer)
}
