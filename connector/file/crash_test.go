package file

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// crasher is a job that writes the numbers from 0 on, takes checkpoints, crashes
// and is recovered, while somebody moves complete files away.
type crasher struct {
	t       *testing.T
	r       *rand.Rand
	dir     string
	archive string
	sink    connector.Sink[string]
	writers []connector.Writer[string]

	next     int      // the number to write next
	pending  [][]byte // handles since the last complete checkpoint
	complete struct { // the last complete checkpoint
		next        int
		handles     [][]byte
		parallelism int
	}
}

func (c *crasher) recover() {
	for _, w := range c.writers {
		if c.r.IntN(2) == 0 { // otherwise killed: nothing is closed
			must(c.t, w.Close())
		}
	}
	c.writers, c.pending, c.next = nil, nil, c.complete.next
	parallelism := 1 + c.r.IntN(3)
	for range 1 + c.r.IntN(2) {
		must(c.t, c.sink.(connector.Recoverer).Recover(context.Background(), connector.Recovery{Job: "j", Operator: "o",
			Prepared: c.complete.handles, Parallelism: c.complete.parallelism, Next: parallelism}))
	}
	for i := range parallelism {
		w, err := c.sink.Open(context.Background(), connector.Subtask{Job: "j", Operator: "o", Index: i, Parallelism: parallelism, Checkpoints: true})
		must(c.t, err)
		c.writers = append(c.writers, w)
	}
}

func (c *crasher) write() {
	for _, w := range c.writers {
		b := event.NewRecords[string](0)
		for range c.r.IntN(5) {
			b.Append(strconv.Itoa(c.next), 0)
			c.next++
		}
		_, err := w.Write(b, 0)
		must(c.t, err)
	}
}

// checkpoint prepares, and goes on as far as chance lets it.
func (c *crasher) checkpoint() {
	for _, w := range c.writers {
		p, err := w.(connector.Preparer).Prepare()
		must(c.t, err)
		if p.Handle != nil {
			c.pending = append(c.pending, p.Handle)
		}
		if p.Durable != nil {
			must(c.t, p.Durable(context.Background()))
		}
	}
	if c.r.IntN(3) == 0 {
		return // given up; its handles go with the next one
	}
	c.complete.next, c.complete.handles, c.complete.parallelism = c.next, c.pending, len(c.writers)
	n := len(c.pending)
	if c.r.IntN(3) == 0 {
		n = c.r.IntN(n + 1) // a crash in the middle
	}
	must(c.t, c.writers[0].(connector.Preparer).Commit(context.Background(), c.pending[:n]))
	if n < len(c.pending) {
		c.recover()
	}
	c.pending = nil
}

// move takes complete files away.
func (c *crasher) move(all bool) {
	entries, err := os.ReadDir(c.dir)
	must(c.t, err)
	for _, e := range entries {
		if hidden(e.Name()) || !all && c.r.IntN(2) == 0 {
			continue
		}
		to := filepath.Join(c.archive, e.Name())
		if _, err := os.Lstat(to); err == nil {
			c.t.Fatalf("%s is the name of two files", e.Name())
		}
		must(c.t, os.Rename(filepath.Join(c.dir, e.Name()), to))
	}
}

// TestRandomCrashes: whatever happens, each number is in the output once.
func TestRandomCrashes(t *testing.T) {
	seeds := uint64(20)
	if testing.Short() {
		seeds = 4
	}
	for seed := range seeds {
		c := &crasher{t: t, r: rand.New(rand.NewPCG(seed, 3)), dir: t.TempDir(), archive: t.TempDir()}
		c.sink = Sink[string](filepath.Join(c.dir, "out.txt"))
		c.recover()
		for range 40 {
			c.write()
			switch c.r.IntN(6) {
			case 0:
				c.recover()
			case 1, 2, 3:
				c.checkpoint()
			case 4:
				c.move(false)
			}
		}
		c.recover()
		c.move(true)
		seen := map[string]bool{}
		entries, err := os.ReadDir(c.archive)
		must(t, err)
		for _, e := range entries {
			b, err := os.ReadFile(filepath.Join(c.archive, e.Name()))
			must(t, err)
			for _, n := range strings.Fields(string(b)) {
				if seen[n] {
					t.Fatalf("seed %d: %s is in the output twice", seed, n)
				}
				seen[n] = true
			}
		}
		for n := range c.complete.next {
			if !seen[fmt.Sprint(n)] {
				t.Fatalf("seed %d: %d of %d is missing", seed, n, c.complete.next)
			}
		}
		if len(seen) != c.complete.next {
			t.Fatalf("seed %d: the output has %d numbers, want %d", seed, len(seen), c.complete.next)
		}
		left, err := filepath.Glob(filepath.Join(c.dir, ".*.part"))
		must(t, err)
		if len(left) > 0 {
			t.Fatalf("seed %d: %v is left", seed, left)
		}
	}
}
