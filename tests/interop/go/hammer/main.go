// Hammer adds words to a cluster the way programs in Go do: it is given the addresses of all nodes, finds the
// leader by the nodes' health, waits while there is none, and tries again what may be tried again. If it is told to, it moves
// leadership all the while.
//
// For every word it prints one line: "added INDEX WORD", or "failed STATUS WORD"; for every time that leadership is to move
// "asked". It exits with 1 if any word failed.
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

	_ "coracle.test/clients/multi"
	"coracle.test/clients/wire"
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
	workers := flag.Int("workers", 10, "how many are on their way at once")
	moveEvery := flag.Duration("move-every", 0, "how often to move leadership; 0 for never")
	flag.Parse()

	conn := dial(*target, grpc.WithUnaryInterceptor(retry))
	moving, stopMoving := context.WithCancel(context.Background())
	var moved sync.WaitGroup
	if *moveEvery > 0 {
		moved.Add(1)
		go func() {
			defer moved.Done()
			move(moving, dial(*target), *moveEvery)
		}()
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
	stopMoving()
	moved.Wait()
	conn.Close()
	if failed.Load() > 0 {
		os.Exit(1)
	}
}

func dial(target string, options ...grpc.DialOption) *grpc.ClientConn {
	conn, err := grpc.NewClient(target, append(options,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)),
	)...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return conn
}

// add adds a word and prints what came of it.
func add(conn *grpc.ClientConn, word string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), wordTimeout)
	defer cancel()
	answer, err := wire.Call(ctx, conn, "/Example/AddWord", wire.Request{{Number: 1, Value: word}})
	if err != nil {
		fmt.Printf("failed %v %s (%v)\n", status.Code(err), word, err)
		return false
	}
	fmt.Printf("added %d %s\n", answer.Uint(1), word)
	return true
}

// move hands leadership over again and again, until ctx is done. The node that is asked leads, by its health; by the time it
// hears of it, it may lead no longer.
func move(ctx context.Context, conn *grpc.ClientConn, every time.Duration) {
	defer conn.Close()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		_, err := wire.Call(ctx, conn, "/RaftAdmin/LeadershipTransfer", nil)
		if err == nil {
			fmt.Println("asked")
		} else if ctx.Err() == nil {
			fmt.Println("could not ask", err)
		}
	}
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
