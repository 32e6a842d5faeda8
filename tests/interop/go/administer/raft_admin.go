package main

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"coracle.test/clients/wire"
)

var token = regexp.MustCompile(`^[0-9a-f]{40}$`)

// result is what became of an operation.
type result struct {
	message string
	index   uint64
}

// operate begins an operation at a node, awaits its result twice, and forgets it.
func (n *node) operate(method string, fields ...wire.Field) (result, error) {
	future, err := n.call(method, fields...)
	if err != nil {
		return result{}, problem(method, "%v", err)
	}
	if !token.MatchString(future.String(1)) {
		return result{}, problem(method, "token %q", future.String(1))
	}
	var results [2]result
	for i := range results {
		answer, err := n.call("/RaftAdmin/Await", wire.Field{Number: 1, Value: future.String(1)})
		if err != nil {
			return result{}, problem(method, "Await: %v", err)
		}
		results[i] = result{answer.String(1), answer.Uint(2)}
	}
	if results[0] != results[1] {
		return result{}, problem(method, "Await answers %v, then %v", results[0], results[1])
	}
	if _, err := n.call("/RaftAdmin/Forget", wire.Field{Number: 1, Value: future.String(1)}); err != nil {
		return result{}, problem(method, "Forget: %v", err)
	}
	return results[0], nil
}

// expect runs an operation whose error must be message.
func (n *node) expect(message, method string, fields ...wire.Field) (uint64, error) {
	found, err := n.operate(method, fields...)
	if err == nil && found.message != message {
		err = problem(method, "%s answers %q instead of %q", n.id, found.message, message)
	}
	return found.index, err
}

var statsKeys = []string{
	"applied_index", "commit_index", "fsm_pending", "last_contact", "last_log_index", "last_log_term",
	"last_snapshot_index", "last_snapshot_term", "latest_configuration", "latest_configuration_index", "num_peers",
	"protocol_version", "protocol_version_max", "protocol_version_min", "snapshot_version_max", "snapshot_version_min",
	"state", "term",
}

// stats are a node's figures.
func (n *node) stats() (map[string]string, error) {
	answer, err := n.call("/RaftAdmin/Stats")
	if err != nil {
		return nil, err
	}
	entries, err := answer.Messages(1)
	if err != nil {
		return nil, err
	}
	stats := map[string]string{}
	for _, entry := range entries {
		stats[entry.String(1)] = entry.String(2)
	}
	return stats, nil
}

// checkQuestions checks what is answered at once.
func checkQuestions(c *cluster) error {
	found, others, err := c.leader()
	if err != nil {
		return err
	}
	ok("/RaftAdmin/State", "/RaftAdmin/Leader")

	for _, n := range c.nodes {
		stats, err := n.stats()
		if err != nil {
			return problem("/RaftAdmin/Stats", "%v", err)
		}
		if keys := slices.Sorted(maps.Keys(stats)); !slices.Equal(keys, statsKeys) {
			return problem("/RaftAdmin/Stats", "keys %v", keys)
		}
		state, contact := "Follower", stats["last_contact"]
		if n == found {
			state = "Leader"
		}
		_, err = time.ParseDuration(contact)
		if stats["state"] != state || err != nil || (contact == "0") != (n == found) || stats["num_peers"] != "2" {
			return problem("/RaftAdmin/Stats", "%s: %v", n.id, stats)
		}
		for _, member := range c.nodes {
			text := fmt.Sprintf("{Suffrage:Voter ID:%s Address:%s}", member.id, member.members)
			if !strings.Contains(stats["latest_configuration"], text) {
				return problem("/RaftAdmin/Stats", "%s is not in %s", text, stats["latest_configuration"])
			}
		}
	}
	ok("/RaftAdmin/Stats")

	for _, method := range []string{"/RaftAdmin/LastIndex", "/RaftAdmin/AppliedIndex"} {
		at, err := found.call(method)
		if err != nil || at.Uint(1) < 4 {
			return problem(method, "%d, %v", at.Uint(1), err)
		}
		err = eventually(method+" is the same everywhere", func() bool {
			return !slices.ContainsFunc(others, func(n *node) bool {
				there, err := n.call(method)
				return err != nil || there.Uint(1) != at.Uint(1)
			})
		})
		if err != nil {
			return err
		}
		ok(method)
	}

	for _, n := range c.nodes {
		answer, err := n.call("/RaftAdmin/LastContact")
		heard := int64(answer.Uint(1))
		ago := time.Since(time.Unix(0, heard))
		if err != nil || (heard == 0) != (n == found) || n != found && (ago < -time.Second || ago > patience) {
			return problem("/RaftAdmin/LastContact", "%s: %d, %v ago, %v", n.id, heard, ago, err)
		}
	}
	ok("/RaftAdmin/LastContact")

	for _, n := range c.nodes {
		answer, err := n.call("/RaftAdmin/GetConfiguration")
		if err != nil {
			return problem("/RaftAdmin/GetConfiguration", "%v", err)
		}
		servers, err := answer.Messages(1)
		if err != nil || len(servers) != len(c.nodes) {
			return problem("/RaftAdmin/GetConfiguration", "%v, %v", servers, err)
		}
		for i, server := range servers {
			if server.Uint(1) != voter || server.String(2) != c.nodes[i].id || server.String(3) != c.nodes[i].members {
				return problem("/RaftAdmin/GetConfiguration", "%v", servers)
			}
		}
	}
	ok("/RaftAdmin/GetConfiguration")
	return nil
}

const notLeader = "node is not the leader"

// checkOperations checks what answers with a token, but for changes of the members and of who leads.
func checkOperations(c *cluster) error {
	found, others, err := c.leader()
	if err != nil {
		return err
	}
	word := wire.Field{Number: 1, Value: []byte("catamaran")}
	extensions := wire.Field{Number: 2, Value: []byte{1, 2, 3}}
	applied, err := found.expect("", "/RaftAdmin/ApplyLog", word, extensions)
	if err != nil {
		return err
	}
	words, err := found.call("/Example/GetWords")
	if err != nil || applied == 0 || words.Strings(2)[0] != "catamaran" {
		return problem("/RaftAdmin/ApplyLog", "index %d, then %q, %v", applied, words.Strings(2), err)
	}
	if _, err := found.call("/RaftAdmin/ApplyLog", wire.Field{Number: 1, Value: []byte("a\nb")}); status.Code(err) != codes.InvalidArgument {
		return problem("/RaftAdmin/ApplyLog", "two words are answered by %v", err)
	}

	barrier, err := found.expect("", "/RaftAdmin/Barrier")
	if err != nil {
		return err
	}
	if barrier <= applied {
		return problem("/RaftAdmin/Barrier", "index %d after %d", barrier, applied)
	}
	if _, err := found.expect("", "/RaftAdmin/VerifyLeader"); err != nil {
		return err
	}
	for _, n := range others {
		for _, method := range []string{"/RaftAdmin/ApplyLog", "/RaftAdmin/Barrier", "/RaftAdmin/VerifyLeader"} {
			if _, err := n.expect(notLeader, method, word); err != nil {
				return err
			}
		}
	}
	ok("/RaftAdmin/ApplyLog", "/RaftAdmin/Barrier", "/RaftAdmin/VerifyLeader")

	for _, n := range c.nodes {
		if _, err := n.expect("", "/RaftAdmin/Snapshot"); err != nil {
			return err
		}
		if _, err := n.expect("nothing new to snapshot", "/RaftAdmin/Snapshot"); err != nil {
			return err
		}
		stats, err := n.stats()
		if err != nil || stats["last_snapshot_index"] == "0" {
			return problem("/RaftAdmin/Snapshot", "%v, %v", stats, err)
		}
	}
	ok("/RaftAdmin/Snapshot")

	const unknown = "0123456789abcdef0123456789abcdef01234567"
	_, err = found.call("/RaftAdmin/Await", wire.Field{Number: 1, Value: unknown})
	if status.Code(err) != codes.Unknown || status.Convert(err).Message() != fmt.Sprintf("token %q unknown", unknown) {
		return problem("/RaftAdmin/Await", "an unknown token is answered by %v", err)
	}
	if _, err := found.call("/RaftAdmin/Forget", wire.Field{Number: 1, Value: unknown}); err != nil {
		return problem("/RaftAdmin/Forget", "%v", err)
	}
	ok("/RaftAdmin/Await", "/RaftAdmin/Forget")
	return nil
}

// Values of GetConfiguration's Suffrage.
const (
	voter    uint64 = 0
	nonvoter uint64 = 1
	staging  uint64 = 2
)

// checkMembers adds the spare node, gives it a vote, takes it away, and removes it again.
func checkMembers(c *cluster) error {
	found, others, err := c.leader()
	if err != nil {
		return err
	}
	id := wire.Field{Number: 1, Value: c.spare.id}
	address := wire.Field{Number: 2, Value: c.spare.members}
	previous := func(field protowire.Number, index uint64) wire.Field {
		return wire.Field{Number: field, Value: index}
	}
	for _, n := range others {
		if _, err := n.expect(notLeader, "/RaftAdmin/AddVoter", id, address); err != nil {
			return err
		}
	}
	added, err := found.expect("", "/RaftAdmin/AddNonvoter", id, address)
	if err != nil {
		return err
	}
	if err := found.member(c.spare, nonvoter); err != nil {
		return err
	}
	changed := fmt.Sprintf("configuration changed since 1 (latest is %d)", added)
	for _, stale := range []struct {
		method string
		fields []wire.Field
	}{
		{"/RaftAdmin/AddNonvoter", []wire.Field{id, address, previous(3, 1)}},
		{"/RaftAdmin/AddVoter", []wire.Field{id, address, previous(3, 1)}},
		{"/RaftAdmin/DemoteVoter", []wire.Field{id, previous(2, 1)}},
		{"/RaftAdmin/RemoveServer", []wire.Field{id, previous(2, 1)}},
	} {
		if _, err := found.expect(changed, stale.method, stale.fields...); err != nil {
			return err
		}
	}
	ok("/RaftAdmin/AddNonvoter")

	promoted, err := found.expect("", "/RaftAdmin/AddVoter", id, address, previous(3, added))
	if err != nil {
		return err
	}
	if err := found.member(c.spare, voter); err != nil {
		return err
	}
	ok("/RaftAdmin/AddVoter")

	demoted, err := found.expect("", "/RaftAdmin/DemoteVoter", id, previous(2, promoted))
	if err != nil {
		return err
	}
	if err := found.member(c.spare, nonvoter); err != nil {
		return err
	}
	ok("/RaftAdmin/DemoteVoter")

	if _, err := found.expect("", "/RaftAdmin/RemoveServer", id, previous(2, demoted)); err != nil {
		return err
	}
	ok("/RaftAdmin/RemoveServer")
	return checkDeadline(found)
}

// checkDeadline adds a voter that is not there: the client's deadline is the operation's.
func checkDeadline(found *node) error {
	const method = "/RaftAdmin/AddVoter"
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	future, err := wire.Call(ctx, found.conn, method, wire.Request{{Number: 1, Value: "n9"}, {Number: 2, Value: "127.0.0.1:1"}})
	if err != nil {
		return problem(method, "%v", err)
	}
	answer, err := found.call("/RaftAdmin/Await", wire.Field{Number: 1, Value: future.String(1)})
	if err != nil || !strings.HasPrefix(answer.String(1), "timed out after ") {
		return problem(method, "of a node that is not there: %q, %v", answer.String(1), err)
	}
	if err := found.member(&node{id: "n9"}, staging); err != nil {
		return err
	}
	_, err = found.expect("", "/RaftAdmin/RemoveServer", wire.Field{Number: 1, Value: "n9"})
	return err
}

// member checks that other is a member with a certain suffrage.
func (n *node) member(other *node, suffrage uint64) error {
	answer, err := n.call("/RaftAdmin/GetConfiguration")
	if err != nil {
		return err
	}
	servers, err := answer.Messages(1)
	if err != nil {
		return err
	}
	for _, server := range servers {
		if server.String(2) == other.id && server.Uint(1) == suffrage {
			return nil
		}
	}
	return problem("/RaftAdmin/GetConfiguration", "%s with suffrage %d is not in %v", other.id, suffrage, servers)
}

// checkLeadership moves leadership: to whichever node is best, and to one that is named.
func checkLeadership(c *cluster) error {
	first, _, err := c.leader()
	if err != nil {
		return err
	}
	if _, err := first.expect("", "/RaftAdmin/LeadershipTransfer"); err != nil {
		return err
	}
	second, others, err := c.leader()
	if err != nil {
		return err
	}
	if second == first {
		return problem("/RaftAdmin/LeadershipTransfer", "%s still leads", first.id)
	}
	if _, err := others[0].expect(notLeader, "/RaftAdmin/LeadershipTransfer"); err != nil {
		return err
	}
	ok("/RaftAdmin/LeadershipTransfer")

	const method = "/RaftAdmin/LeadershipTransferToServer"
	to := func(n *node) []wire.Field {
		return []wire.Field{{Number: 1, Value: n.id}, {Number: 2, Value: n.members}}
	}
	if _, err := second.expect("cannot transfer leadership to itself", method, to(second)...); err != nil {
		return err
	}
	for _, n := range others {
		from, _, err := c.leader()
		if err != nil {
			return err
		}
		if _, err := from.expect("", method, to(n)...); err != nil {
			return err
		}
		if now, _, err := c.leader(); err != nil || now != n {
			return problem(method, "%s was named, and does not lead: %v", n.id, err)
		}
	}
	ok(method)
	return nil
}

// checkShutdown stops a node that follows. The others are enough to go on.
func checkShutdown(c *cluster) error {
	found, others, err := c.leader()
	if err != nil {
		return err
	}
	const method = "/RaftAdmin/Shutdown"
	if _, err := others[0].expect("", method); err != nil {
		return err
	}
	err = eventually(others[0].id+" has ended", func() bool {
		_, err := others[0].call("/RaftAdmin/State")
		return status.Code(err) == codes.Unavailable
	})
	if err != nil {
		return err
	}
	if _, err := found.call("/Example/AddWord", wire.Field{Number: 1, Value: "trimaran"}); err != nil {
		return problem(method, "afterwards: %v", err)
	}
	fmt.Println("stopped", others[0].id)
	ok(method)
	return nil
}
