// Package wire makes calls whose messages are put together from field numbers: what a node says is held to the published
// interface, and not to the code that the node itself is generated from.
package wire

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
)

// Field is one field of a request: a string, bytes, a uint64 or a bool.
type Field struct {
	Number protowire.Number
	Value  any
}

// Request is a message that is sent.
type Request []Field

// Message is a message that came: for each field its values in order, uint64 or []byte.
type Message map[protowire.Number][]any

// Uint is the number in a field; 0 if the message does not have it.
func (m Message) Uint(field protowire.Number) uint64 {
	values := m[field]
	if len(values) == 0 {
		return 0
	}
	number, _ := values[len(values)-1].(uint64)
	return number
}

// String is the text in a field; empty if the message does not have it.
func (m Message) String(field protowire.Number) string {
	texts := m.Strings(field)
	if len(texts) == 0 {
		return ""
	}
	return texts[len(texts)-1]
}

// Bytes are those in a field, all its values joined.
func (m Message) Bytes(field protowire.Number) []byte {
	var joined []byte
	for _, value := range m[field] {
		bytes, _ := value.([]byte)
		joined = append(joined, bytes...)
	}
	return joined
}

// Strings are all texts in a field.
func (m Message) Strings(field protowire.Number) []string {
	var texts []string
	for _, value := range m[field] {
		bytes, _ := value.([]byte)
		texts = append(texts, string(bytes))
	}
	return texts
}

// Messages are all messages in a field.
func (m Message) Messages(field protowire.Number) ([]Message, error) {
	var messages []Message
	for _, value := range m[field] {
		bytes, _ := value.([]byte)
		message, err := decode(bytes)
		if err != nil {
			return nil, err
		}
		messages = append(messages, message)
	}
	return messages, nil
}

// Call makes a call with one request and one answer.
func Call(ctx context.Context, conn *grpc.ClientConn, method string, request Request, options ...grpc.CallOption) (Message, error) {
	response := Message{}
	err := conn.Invoke(ctx, method, request, &response, append(options, grpc.ForceCodec(Codec{}))...)
	return response, err
}

// Codec writes requests and reads messages.
type Codec struct{}

// Name is that of the codec that every server has.
func (Codec) Name() string { return "proto" }

// Marshal writes a Request.
func (Codec) Marshal(message any) ([]byte, error) {
	request, ok := message.(Request)
	if !ok {
		return nil, fmt.Errorf("cannot write a %T", message)
	}
	var bytes []byte
	for _, field := range request {
		switch value := field.Value.(type) {
		case string:
			bytes = protowire.AppendString(protowire.AppendTag(bytes, field.Number, protowire.BytesType), value)
		case []byte:
			bytes = protowire.AppendBytes(protowire.AppendTag(bytes, field.Number, protowire.BytesType), value)
		case uint64:
			bytes = protowire.AppendVarint(protowire.AppendTag(bytes, field.Number, protowire.VarintType), value)
		case bool:
			bytes = protowire.AppendVarint(protowire.AppendTag(bytes, field.Number, protowire.VarintType), protowire.EncodeBool(value))
		default:
			return nil, fmt.Errorf("cannot write a %T in a field", value)
		}
	}
	return bytes, nil
}

// Unmarshal reads into a *Message.
func (Codec) Unmarshal(bytes []byte, message any) error {
	into, ok := message.(*Message)
	if !ok {
		return fmt.Errorf("cannot read a %T", message)
	}
	decoded, err := decode(bytes)
	*into = decoded
	return err
}

func decode(bytes []byte) (Message, error) {
	message := Message{}
	for len(bytes) > 0 {
		number, kind, size := protowire.ConsumeTag(bytes)
		if size < 0 {
			return nil, protowire.ParseError(size)
		}
		bytes = bytes[size:]
		var value any
		switch kind {
		case protowire.VarintType:
			value, size = protowire.ConsumeVarint(bytes)
		case protowire.BytesType:
			value, size = protowire.ConsumeBytes(bytes)
		default:
			size = protowire.ConsumeFieldValue(number, kind, bytes)
		}
		if size < 0 {
			return nil, protowire.ParseError(size)
		}
		bytes = bytes[size:]
		if value != nil {
			message[number] = append(message[number], value)
		}
	}
	return message, nil
}
