package main

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft"
)

// tlsLayer carries Raft's connections inside mutual TLS: whoever connects, and
// whoever listens, shows a certificate of the same authority.
type tlsLayer struct {
	net.Listener
	config *tls.Config
}

// listenTLS listens at address with the files that tests/support/tls_files.ts makes.
func listenTLS(address, files string) *tlsLayer {
	pem, err := os.ReadFile(filepath.Join(files, "ca.pem"))
	check(err)
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(pem)
	certificate, err := tls.LoadX509KeyPair(filepath.Join(files, *id+".pem"), filepath.Join(files, *id+"-key.pem"))
	check(err)
	config := &tls.Config{
		Certificates: []tls.Certificate{certificate},
		RootCAs:      authorities,
		ClientCAs:    authorities,
		ClientAuth:   tls.RequireAndVerifyClientCert,
		MinVersion:   tls.VersionTLS13,
	}
	listener, err := tls.Listen("tcp", address, config)
	check(err)
	return &tlsLayer{listener, config}
}

// Dial connects to another member.
func (l *tlsLayer) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	return tls.DialWithDialer(&net.Dialer{Timeout: timeout}, "tcp", string(address), l.config)
}
