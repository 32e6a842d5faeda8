package main

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// The two messages of /Example/AddWord, put together from their field numbers: see apps/node/proto/example.proto.

type addWordRequest struct {
	word string // Field 1.
}

type addWordResponse struct {
	commitIndex uint64 // Field 1.
}

// wordsCodec writes and reads them.
type wordsCodec struct{}

func (wordsCodec) Name() string { return "proto" }

func (wordsCodec) Marshal(message any) ([]byte, error) {
	request, ok := message.(*addWordRequest)
	if !ok {
		return nil, fmt.Errorf("cannot write a %T", message)
	}
	return protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), request.word), nil
}

func (wordsCodec) Unmarshal(bytes []byte, message any) error {
	response, ok := message.(*addWordResponse)
	if !ok {
		return fmt.Errorf("cannot read a %T", message)
	}
	for len(bytes) > 0 {
		number, kind, size := protowire.ConsumeTag(bytes)
		if size < 0 {
			return protowire.ParseError(size)
		}
		bytes = bytes[size:]
		if number == 1 && kind == protowire.VarintType {
			response.commitIndex, size = protowire.ConsumeVarint(bytes)
		} else {
			size = protowire.ConsumeFieldValue(number, kind, bytes)
		}
		if size < 0 {
			return protowire.ParseError(size)
		}
		bytes = bytes[size:]
	}
	return nil
}
