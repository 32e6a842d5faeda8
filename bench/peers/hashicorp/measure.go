package main

import (
	"bytes"
	"errors"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// measurement is what bench/measure.ts prints of its own calls.
type measurement struct {
	Conc      int     `json:"conc"`
	Size      int     `json:"size"`
	PerSecond int     `json:"applies_per_s"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Max       float64 `json:"max_ms"`
}

var commands sync.Map

// command is a word of so many bytes.
func command(size int) []byte {
	if known, ok := commands.Load(size); ok {
		return known.([]byte)
	}
	made := bytes.Repeat([]byte("a"), size)
	commands.Store(size, made)
	return made
}

func (n *node) applyOne(size int) bool {
	return n.raft.Apply(command(size), callTimeout).Error() == nil
}

// readOne is a linearizable read: the leader makes sure that it still leads, then
// looks at its state machine.
func (n *node) readOne(int) bool {
	if n.raft.VerifyLeader().Error() != nil {
		return false
	}
	n.words.longest()
	return true
}

// measure lets o.Conc callers call for o.Seconds, after they have warmed up.
func (n *node) measure(o order, call func(size int) bool) measurement {
	warmUpSeconds := 1.0
	if o.WarmUpSeconds != nil {
		warmUpSeconds = *o.WarmUpSeconds
	}
	run(o, seconds(warmUpSeconds), call)
	took, elapsed := run(o, seconds(o.Seconds), call)
	sort.Slice(took, func(a, b int) bool { return took[a] < took[b] })
	quantile := func(share float64) float64 {
		if len(took) == 0 {
			return 0
		}
		return float64(took[int(share*float64(len(took)-1))].Microseconds()) / 1000
	}
	return measurement{
		Conc:      o.Conc,
		Size:      o.Size,
		PerSecond: int(float64(len(took)) / elapsed.Seconds()),
		P50:       quantile(.5),
		P99:       quantile(.99),
		Max:       quantile(1),
	}
}

func seconds(count float64) time.Duration {
	return time.Duration(count * float64(time.Second))
}

func run(o order, duration time.Duration, call func(size int) bool) ([]time.Duration, time.Duration) {
	var (
		mutex sync.Mutex
		all   []time.Duration
	)
	began := time.Now()
	each(o.Conc, func() {
		var own []time.Duration
		for time.Since(began) < duration {
			called := time.Now()
			answered(call(o.Size))
			own = append(own, time.Since(called))
		}
		mutex.Lock()
		defer mutex.Unlock()
		all = append(all, own...)
	})
	return all, time.Since(began)
}

// fill applies o.Count commands and returns how many seconds that took.
func (n *node) fill(o order) float64 {
	began := time.Now()
	var taken atomic.Int64
	each(o.Conc, func() {
		for taken.Add(1) <= int64(o.Count) {
			answered(n.applyOne(o.Size))
		}
	})
	return time.Since(began).Seconds()
}

// answered ends the process after a call that failed: what was measured is not
// what was to be, and is measured anew.
func answered(ok bool) {
	if !ok {
		check(errors.New("a call has failed"))
	}
}

func each(count int, body func()) {
	var group sync.WaitGroup
	for range count {
		group.Add(1)
		go func() {
			defer group.Done()
			body()
		}()
	}
	group.Wait()
}
