package main

import (
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	boltdb "github.com/hashicorp/raft-boltdb/v2"
	wal "github.com/hashicorp/raft-wal"
)

// node is a node with the defaults of hashicorp/raft, but for MaxAppendEntries,
// which is measured, and snapshots, which would disturb what is measured.
type node struct {
	address string
	raft    *raft.Raft
	words   words
}

const (
	cachedEntries   = 4096
	keptConnections = 3
	networkTimeout  = 10 * time.Second
	callTimeout     = 30 * time.Second
	catchUpTimeout  = 5 * time.Minute
)

func (n *node) start(peers []peer, bootstrap bool) {
	config := raft.DefaultConfig()
	config.LocalID = raft.ServerID(*id)
	config.MaxAppendEntries = *maxAppend
	config.SnapshotThreshold = 1 << 60
	config.Logger = hclog.New(&hclog.LoggerOptions{Level: hclog.Error, Output: os.Stderr})
	check(os.MkdirAll(*directory, 0o755))
	logs, stable := openStore()
	cached, err := raft.NewLogCache(cachedEntries, logs)
	check(err)
	snapshots, err := raft.NewFileSnapshotStoreWithLogger(*directory, 2, config.Logger)
	check(err)
	n.raft, err = raft.NewRaft(config, &n.words, cached, stable, snapshots, n.transport(config.Logger))
	check(err)
	if !bootstrap {
		return
	}
	var servers []raft.Server
	for _, one := range peers {
		servers = append(servers, raft.Server{ID: raft.ServerID(one.ID), Address: raft.ServerAddress(one.Address)})
	}
	check(n.raft.BootstrapCluster(raft.Configuration{Servers: servers}).Error())
}

func (n *node) transport(logger hclog.Logger) raft.Transport {
	if *tlsFiles != "" {
		layer := listenTLS(n.address, *tlsFiles)
		return raft.NewNetworkTransportWithLogger(layer, keptConnections, networkTimeout, logger)
	}
	transport, err := raft.NewTCPTransportWithLogger(n.address, nil, keptConnections, networkTimeout, logger)
	check(err)
	return transport
}

func openStore() (raft.LogStore, raft.StableStore) {
	if *store == "boltdb" {
		opened, err := boltdb.NewBoltStore(filepath.Join(*directory, "raft.db"))
		check(err)
		return opened, opened
	}
	opened, err := wal.Open(*directory)
	check(err)
	return opened, opened
}

// isLeader says whether the node leads and has committed all of its log.
func (n *node) isLeader() bool {
	return n.raft.State() == raft.Leader && n.raft.CommitIndex() == n.raft.LastIndex()
}

func (n *node) addVoter(id, address string) bool {
	check(n.raft.AddVoter(raft.ServerID(id), raft.ServerAddress(address), 0, catchUpTimeout).Error())
	return true
}
