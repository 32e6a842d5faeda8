package main

import (
	"io"
	"strings"
	"sync"

	"github.com/hashicorp/raft"
)

// words is the state machine of the benchmark: the three longest words, as in
// bench/node.ts.
type words struct {
	mutex sync.Mutex
	best  [3]string
}

func (w *words) Apply(entry *raft.Log) any {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	word := string(entry.Data)
	for place, other := range w.best {
		if len(word) > len(other) || len(word) == len(other) && word < other {
			w.best[place], word = word, other
		}
	}
	return nil
}

// longest is what a reader asks for.
func (w *words) longest() string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.best[0]
}

func (w *words) Snapshot() (raft.FSMSnapshot, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return image(strings.Join(w.best[:], "\n")), nil
}

func (w *words) Restore(from io.ReadCloser) error {
	defer from.Close()
	text, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.best = [3]string{}
	copy(w.best[:], strings.Split(string(text), "\n"))
	return nil
}

// image is what the words were at one moment.
type image string

func (i image) Persist(sink raft.SnapshotSink) error {
	if _, err := io.WriteString(sink, string(i)); err != nil {
		sink.Cancel()
		return err
	}
	return sink.Close()
}

func (image) Release() {}
