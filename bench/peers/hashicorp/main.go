// Command hashicorp is one node of a benchmark's cluster: hashicorp/raft with a
// store on a real disk, as a process of its own. It takes orders from standard
// input, one JSON object a line, and answers each with one line, so that the
// same benchmark drives it and bench/node.ts. It ends when its input does.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"time"
)

var (
	id        = flag.String("id", "n1", "the node's name")
	directory = flag.String("dir", "", "where its data is")
	store     = flag.String("store", "wal", "where the log is: wal or boltdb")
	tlsFiles  = flag.String("certificates", "", "directory with certificates, for mutual TLS between members")
	maxAppend = flag.Int("max-append", 64, "MaxAppendEntries: 64 is the default, 1024 the most")
)

// order is what a benchmark asks; which fields count depends on the type.
type order struct {
	Type      string
	Address   string
	ID        string
	Peers     []peer
	Bootstrap bool
	Conc      int
	Size      int
	Count     int
	Seconds   float64
	// WarmUpSeconds is how long callers call before they are measured; a second if it is not given.
	WarmUpSeconds *float64
}

type peer struct {
	ID      string
	Address string
}

func main() {
	flag.Parse()
	n := &node{address: freeAddress()}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var o order
		check(json.Unmarshal(lines.Bytes(), &o))
		check(out.Encode(n.obey(o)))
	}
}

func (n *node) obey(o order) any {
	switch o.Type {
	case "address":
		if o.Address != "" {
			n.address = o.Address
		}
		return n.address
	case "start":
		began := time.Now()
		n.start(o.Peers, o.Bootstrap)
		return time.Since(began).Seconds()
	case "isLeader":
		return n.isLeader()
	case "last":
		return n.raft.LastIndex()
	case "applied":
		return n.raft.AppliedIndex()
	case "apply":
		return n.applyOne(o.Size)
	case "measure":
		return n.measure(o, n.applyOne)
	case "reads":
		return n.measure(o, n.readOne)
	case "serve":
		return n.serve()
	case "measureGrpc":
		return n.measureGrpc(o)
	case "fill":
		return n.fill(o)
	case "addVoter":
		return n.addVoter(o.ID, o.Address)
	}
	check(fmt.Errorf("%q is not known", o.Type))
	return nil
}

// freeAddress finds a port that nobody listens on. Another process may take it
// before the node does; then the node does not start, and the run says so.
func freeAddress() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	defer listener.Close()
	return listener.Addr().String()
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, *id+":", err)
		os.Exit(1)
	}
}
