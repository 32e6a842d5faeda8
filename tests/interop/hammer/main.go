// Hammer adds words to a cluster the way programs in Go do: it is given the addresses of all nodes, finds the
// leader by the nodes' health, waits while there is none, and tries again what may be tried again.
//
// For every word it prints one line: "added INDEX WORD", or "failed STATUS WORD". It exits with 1 if any word failed.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // A client looks at health only if this is linked in.
	"google.golang.org/grpc/status"
)

// Requests go round the nodes whose health says that they serve Example: that is the leader only.
const serviceConfig = `{
	"healthCheckConfig": {"serviceName": "Example"},
	"loadBalancingConfig": [{"round_robin": {}}]
}`

const (
	attemptsMax = 5
	pauseMin    = 100 * time.Millisecond
	wordTimeout = 20 * time.Second
)

func main() {
	target := flag.String("target", "multi:///localhost:50051,localhost:50052,localhost:50053", "addresses of the nodes")
	words := flag.Int64("words", 2000, "how many words to add")
	workers := flag.Int("workers", 8, "how many are on their way at once")
	flag.Parse()

	conn, err := grpc.NewClient(*target,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)),
		grpc.WithUnaryInterceptor(retry),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}

	var next, failed atomic.Int64
	var group sync.WaitGroup
	for range *workers {
		group.Add(1)
		go func() {
			defer group.Done()
			for number := next.Add(1); number <= *words; number = next.Add(1) {
				if !add(conn, fmt.Sprintf("hammer-%d", number)) {
					failed.Add(1)
				}
			}
		}()
	}
	group.Wait()
	conn.Close()
	if failed.Load() > 0 {
		os.Exit(1)
	}
}

// add adds a word and prints what came of it.
func add(conn *grpc.ClientConn, word string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), wordTimeout)
	defer cancel()
	request, response := addWordRequest{word}, addWordResponse{}
	if err := conn.Invoke(ctx, "/Example/AddWord", &request, &response, grpc.ForceCodec(wordsCodec{})); err != nil {
		fmt.Printf("failed %v %s (%v)\n", status.Code(err), word, err)
		return false
	}
	fmt.Printf("added %d %s\n", response.commitIndex, word)
	return true
}

// retry makes a call up to five times, as long as it fails with a status that asks for it; the pauses double.
func retry(ctx context.Context, method string, request, response any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	pause := pauseMin
	for attempt := 1; ; attempt++ {
		err := invoke(ctx, method, request, response, conn, options...)
		code := status.Code(err)
		if code != codes.Unavailable && code != codes.ResourceExhausted || attempt == attemptsMax {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
		pause *= 2
	}
}
