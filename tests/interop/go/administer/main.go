// Administer calls every method of a node's services, on a real cluster of three nodes and one that waits to be added, and checks
// every answer. For every method that is right it prints "ok METHOD"; at the first that is not, it says so and exits with 1.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // A client looks at health only if this is linked in.

	_ "coracle.test/clients/multi"
	"coracle.test/clients/wire"
)

// How long anything may take that is waited for.
const patience = 30 * time.Second

// node is a member of the cluster, or is to be one.
type node struct {
	id, clients, members string
	conn                 *grpc.ClientConn
}

// call makes a call at this node and no other.
func (n *node) call(method string, fields ...wire.Field) (wire.Message, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return wire.Call(ctx, n.conn, method, fields)
}

// cluster is all that is checked.
type cluster struct {
	nodes []*node
	// spare waits to be added.
	spare *node
	// leading goes to whichever node leads, by its health, as raftadmin --leader does.
	leading *grpc.ClientConn
}

func main() {
	nodes := flag.String("nodes", "", "the members: ID=CLIENTS=MEMBERS, separated by commas")
	spare := flag.String("spare", "", "a node that waits to be added")
	flag.Parse()
	if err := run(*nodes, *spare); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(nodes, spare string) error {
	members, err := parseNodes(nodes)
	if err != nil {
		return err
	}
	others, err := parseNodes(spare)
	if err != nil {
		return err
	}
	if len(members) != 3 || len(others) != 1 {
		return errors.New("three nodes and one spare are needed")
	}
	leading, err := dialLeader(members)
	if err != nil {
		return err
	}
	c := &cluster{nodes: members, spare: others[0], leading: leading}
	for _, check := range []func(*cluster) error{
		checkExample,
		checkQuestions,
		checkOperations,
		checkMembers,
		checkHealth,
		checkReflection,
		checkCoracleAdmin,
		checkLeadership,
		checkShutdown,
	} {
		if err := check(c); err != nil {
			return err
		}
	}
	return nil
}

func parseNodes(text string) ([]*node, error) {
	var nodes []*node
	for _, part := range strings.Split(text, ",") {
		fields := strings.Split(part, "=")
		if len(fields) != 3 {
			return nil, fmt.Errorf("%q is not ID=CLIENTS=MEMBERS", part)
		}
		conn, err := grpc.NewClient("passthrough:///"+fields[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, &node{id: fields[0], clients: fields[1], members: fields[2], conn: conn})
	}
	return nodes, nil
}

// dialLeader makes a connection to all nodes over which calls go to the one that leads. The nodes see the whole list as the
// authority of each request.
func dialLeader(nodes []*node) (*grpc.ClientConn, error) {
	var addresses []string
	for _, n := range nodes {
		addresses = append(addresses, n.clients)
	}
	return grpc.NewClient("multi:///"+strings.Join(addresses, ","),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"healthCheckConfig": {"serviceName": "quis.RaftLeader"}, "loadBalancingConfig": [{"round_robin": {}}]}`),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)),
	)
}

// Values of RaftAdmin's State.
const (
	follower uint64 = 0
	leader   uint64 = 2
)

// leader waits until one node leads and all others follow it, and returns it.
func (c *cluster) leader() (*node, []*node, error) {
	var found *node
	var others []*node
	err := eventually("one node leads and the others follow it", func() bool {
		found, others = nil, nil
		for _, n := range c.nodes {
			state, err := n.call("/RaftAdmin/State")
			if err != nil {
				return false
			}
			switch state.Uint(1) {
			case leader:
				if found != nil {
					return false
				}
				found = n
			case follower:
				others = append(others, n)
			default:
				return false
			}
		}
		return found != nil && !slices.ContainsFunc(c.nodes, func(n *node) bool {
			known, err := n.call("/RaftAdmin/Leader")
			return err != nil || known.String(1) != found.members
		})
	})
	return found, others, err
}

// eventually waits until something is so.
func eventually(what string, isSo func() bool) error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if isSo() {
			return nil
		}
	}
	return fmt.Errorf("not within %v: %s", patience, what)
}

// ok says that a method is as it should be.
func ok(methods ...string) {
	for _, method := range methods {
		fmt.Println("ok", method)
	}
}

// problem is an error that names a method and what is wrong with it.
func problem(method, format string, values ...any) error {
	return fmt.Errorf("%s: %s", method, fmt.Sprintf(format, values...))
}
