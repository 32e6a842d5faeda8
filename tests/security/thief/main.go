// Connects to a node, or waits for it, with somebody's certificate, but not with the key that belongs to it.
// Certificates are public: whoever connects with a node has seen one.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"log"
	"net"
	"os"
	"time"
)

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: thief dial|listen ADDRESS CERTIFICATE")
	}
	text, err := os.ReadFile(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	block, _ := pem.Decode(text)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	config := &tls.Config{
		Certificates:       []tls.Certificate{{Certificate: [][]byte{block.Bytes}, PrivateKey: key}},
		ClientAuth:         tls.RequestClientCert,
		InsecureSkipVerify: true,
		MinVersion:         tls.VersionTLS13,
	}
	switch os.Args[1] {
	case "dial":
		connection, err := net.Dial("tcp", os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		talk(tls.Client(connection, config))
	case "listen":
		listener, err := net.Listen("tcp", os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("listening")
		for {
			connection, err := listener.Accept()
			if err != nil {
				log.Fatal(err)
			}
			talk(tls.Server(connection, config))
		}
	}
}

// Says something and prints how much it hears.
func talk(connection *tls.Conn) {
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(10 * time.Second))
	connection.Write([]byte("CRCL"))
	buffer := make([]byte, 4096)
	count, _ := connection.Read(buffer)
	fmt.Printf("heard %d bytes\n", count)
}
