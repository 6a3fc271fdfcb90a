package statetest

import (
	"fmt"
	"maps"
	"testing"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
	"pgregory.net/rapid"
)

// Snapshots describes tables whose snapshots are under test, of one key and
// one state type.
type Snapshots[K comparable, S any] struct {
	// New returns the tables of a subtask.
	New func(t testing.TB) state.Tables[K, S]
	// Key returns the i-th key; keys of different i differ, and i is never
	// negative.
	Key func(i int) K
	// Write and Read store a number other than 0 in a state and get it back.
	// Write is to change in place what the state points to, if anything.
	Write func(s *S, v int64)
	// Read is the inverse of Write.
	Read func(s *S) int64
}

// RunSnapshots checks snapshots of tables: that they hold what was there when
// they were taken, whatever the task does while they are being written, and
// that they can be restored by another number of subtasks, and that what they
// refer to of earlier ones is what the tables hold.
func RunSnapshots[K comparable, S any](t *testing.T, s Snapshots[K, S]) {
	hash, err := event.HasherOf[K]()
	if err != nil {
		t.Fatal(err)
	}
	for name, hash := range map[string]func(*K) uint64{
		"engine": hash,
		"few":    func(k *K) uint64 { return hash(k)%3<<57 + 1 },
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				a := newSubtask(t, s, hash)
				defer a.close(t)
				a.model(r)
			})
		})
		t.Run(name+", successive", func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				a := newSubtask(t, s, hash)
				defer func() { a.close(t) }()
				a.successive(r)
			})
		})
	}
	t.Run("large", func(t *testing.T) { largeSnapshot(t, s, hash) })
	t.Run("rescale", func(t *testing.T) { rescale(t, s, hash) })
	t.Run("given up", func(t *testing.T) { givenUp(t, s, hash) })
	t.Run("damaged", func(t *testing.T) { damaged(t, s, hash) })
}

// contents are what tables hold, by their names.
type contents[K comparable] map[string]map[K]int64

func (c contents[K]) clone() contents[K] {
	all := contents[K]{}
	for name, t := range c {
		if len(t) > 0 {
			all[name] = maps.Clone(t)
		}
	}
	return all
}

func (c contents[K]) equal(d contents[K]) bool {
	return maps.EqualFunc(c, d, func(a, b map[K]int64) bool { return maps.Equal(a, b) })
}

// subtask has some tables and their model.
type subtask[K comparable, S any] struct {
	Snapshots[K, S]
	t      testing.TB
	hash   func(*K) uint64
	own    state.Tables[K, S]
	tables map[string]state.Table[K, S]
	want   contents[K]
	tick   int64
}

func newSubtask[K comparable, S any](t testing.TB, s Snapshots[K, S], hash func(*K) uint64) *subtask[K, S] {
	return &subtask[K, S]{Snapshots: s, t: t, hash: hash, own: s.New(t), tables: map[string]state.Table[K, S]{}, want: contents[K]{}}
}

func (a *subtask[K, S]) close(t testing.TB) {
	if err := a.own.Close(); err != nil {
		t.Error(err)
	}
}

func (a *subtask[K, S]) snapshot(t fataler, k *Kept) contents[K] {
	if err := a.own.Snapshot(k, maps.All(a.tables)); err != nil {
		t.Fatalf("Snapshot: %v", err)
	}
	return a.want.clone()
}

type fataler interface{ Fatalf(string, ...any) }

// restore fills the tables of a new subtask, and returns what they hold.
func (a *subtask[K, S]) restore(r state.Restoration) (contents[K], error) {
	last := ""
	err := a.own.Restore(r, func(name string, t state.Table[K, S]) error {
		if a.tables[name] != nil || name < last {
			return fmt.Errorf("%q comes twice, or after %q", name, last)
		}
		last, a.tables[name] = name, t
		return nil
	})
	all, err2 := a.read()
	if err == nil {
		err = err2
	}
	a.want = all
	return all, err
}

func (a *subtask[K, S]) read() (contents[K], error) {
	all := contents[K]{}
	var err error
	for name, t := range a.tables {
		all[name] = map[K]int64{}
		t.Range(0, func(hash uint64, k K, s *S) bool {
			if _, ok := all[name][k]; ok || hash != a.hash(&k) {
				err = fmt.Errorf("key %v is in table %q twice or has hash %#x", k, name, hash)
			}
			all[name][k] = a.Read(s)
			return true
		})
		if len(all[name]) != t.Len() || t.Len() == 0 {
			err = fmt.Errorf("table %q has %d keys, and Len is %d", name, len(all[name]), t.Len())
		}
	}
	return all, err
}

// set changes keys [from,from+n) of a table.
func (a *subtask[K, S]) set(name string, from, n int) {
	if a.tables[name] == nil {
		a.tables[name], a.want[name] = a.own.New(), map[K]int64{}
	}
	keys, hashes, out := make([]K, n), make([]uint64, n), make([]*S, n)
	for i := range keys {
		keys[i] = a.Key(from + i)
		hashes[i] = a.hash(&keys[i])
	}
	a.tables[name].Lookup(keys, hashes, out)
	for i, s := range out {
		a.tick++
		a.Write(s, a.tick)
		a.want[name][keys[i]] = a.tick
	}
}

// change does something to the tables.
func (a *subtask[K, S]) change(r *rapid.T) {
	name := rapid.SampledFrom([]string{"a", "b/1"}).Draw(r, "table")
	from := rapid.IntRange(0, 400).Draw(r, "from")
	t := a.tables[name]
	op := rapid.IntRange(0, 9).Draw(r, "op")
	if t == nil {
		op = 0
	}
	switch op {
	default:
		a.set(name, from, rapid.IntRange(1, 200).Draw(r, "n"))
	case 5:
		k := a.Key(from)
		if s := t.Get(&k, a.hash(&k)); s != nil {
			a.tick++
			a.Write(s, a.tick)
			a.want[name][k] = a.tick
		}
	case 6:
		for i := range rapid.IntRange(1, 50).Draw(r, "n") {
			k := a.Key(from + i)
			t.Delete(&k, a.hash(&k))
			delete(a.want[name], k)
		}
	case 7:
		n := rapid.IntRange(1, 100).Draw(r, "n")
		t.Range(0, func(_ uint64, k K, s *S) bool {
			a.tick++
			a.Write(s, a.tick)
			a.want[name][k] = a.tick
			n--
			return n > 0
		})
	case 8:
		n := rapid.IntRange(1, 100).Draw(r, "n")
		keys, hashes, states := make([]K, n), make([]uint64, n), make([]*S, n)
		n, _ = t.Scan(0, keys, hashes, states)
		for i, s := range states[:n] {
			if got := a.Read(s); got != a.want[name][keys[i]] {
				r.Fatalf("state of %v in table %q is %d, want %d", keys[i], name, got, a.want[name][keys[i]])
			}
		}
	case 9:
		t.Clear()
		clear(a.want[name])
	}
}

// model takes snapshots between changes and checks them later.
func (a *subtask[K, S]) model(r *rapid.T) {
	type taken struct {
		kept *Kept
		want contents[K]
		done chan error
	}
	var all []taken
	for range rapid.IntRange(1, 3).Draw(r, "snapshots") {
		for range rapid.IntRange(0, 6).Draw(r, "changes") {
			a.change(r)
		}
		s := taken{kept: &Kept{}, done: make(chan error, 1)}
		s.want = a.snapshot(r, s.kept)
		switch rapid.IntRange(0, 2).Draw(r, "write") {
		case 0:
			go func() { s.done <- s.kept.Write() }()
		case 1:
			s.done <- s.kept.Write()
		case 2: // later than all changes
			s.done = nil
		}
		all = append(all, s)
	}
	for range rapid.IntRange(0, 6).Draw(r, "changes") {
		a.change(r)
	}
	for i, s := range all {
		var err error
		if s.done == nil {
			err = s.kept.Write()
		} else {
			err = <-s.done
		}
		if err != nil {
			r.Fatalf("Write of snapshot %d: %v", i, err)
		}
		a.checkRestored(r, s.want, s.kept)
	}
	for name, t := range a.tables {
		if t.Len() != len(a.want[name]) {
			r.Fatalf("table %q has %d keys, want %d", name, t.Len(), len(a.want[name]))
		}
	}
}

// checkRestored restores to one subtask and compares with the model.
func (a *subtask[K, S]) checkRestored(t fataler, want contents[K], from ...*Kept) {
	b := newSubtask(a.t, a.Snapshots, a.hash)
	got, err := b.restore(Restored{Parallelism: 1, From: from})
	if err != nil || !got.equal(want) {
		t.Fatalf("restored %v (%v), want %v", got, err, want)
	}
	if err := b.own.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

// largeSnapshot goes on to change many keys while they are written: tables
// grow, are emptied and filled again.
func largeSnapshot[K comparable, S any](t *testing.T, s Snapshots[K, S], hash func(*K) uint64) {
	n, step := 20_000, 500
	if testing.Short() {
		n, step = 4_000, 200
	}
	a := newSubtask(t, s, hash)
	defer a.close(t)
	for _, name := range []string{"grows", "shrinks", "goes"} {
		for from := 0; from < n; from += step {
			a.set(name, from, step)
		}
	}
	k := &Kept{}
	want := a.snapshot(t, k)
	done := make(chan error, 1)
	go func() { done <- k.Write() }()
	for from := 0; from < 2*n; from += step {
		a.set("grows", from*7%(3*n), step)
		if from < n {
			for i := range step {
				k := a.Key(from + i)
				a.tables["shrinks"].Delete(&k, hash(&k))
				delete(a.want["shrinks"], k)
			}
		}
		if from == n/2 {
			a.tables["goes"].Clear()
			clear(a.want["goes"])
		}
		a.set("goes", from, step)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	a.checkRestored(t, want, k)
	now := &Kept{}
	want = a.snapshot(t, now)
	if err := now.Write(); err != nil {
		t.Fatal(err)
	}
	a.checkRestored(t, want, now)
}

// rescale takes the keys of two subtasks to three and to one.
func rescale[K comparable, S any](t *testing.T, s Snapshots[K, S], hash func(*K) uint64) {
	want := contents[K]{"x": {}, "y": {}}
	var kept []*Kept
	for i := range 2 {
		a := newSubtask(t, s, hash)
		a.tick = int64(i * 10_000)
		for n := range 3000 {
			if k := s.Key(n); event.SubtaskOf(event.KeyGroup(hash(&k)), 2) == i {
				name := []string{"x", "y"}[n%2]
				a.set(name, n, 1)
				want[name][k] = a.tick
			}
		}
		kept = append(kept, &Kept{})
		a.snapshot(t, kept[i])
		if err := kept[i].Write(); err != nil {
			t.Fatal(err)
		}
		a.close(t)
	}
	var again []*Kept
	sum := 0
	for i := range 3 {
		b := newSubtask(t, s, hash)
		got, err := b.restore(Restored{Index: i, Parallelism: 3, From: kept})
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range got {
			sum += len(table)
			for k := range table {
				if event.SubtaskOf(event.KeyGroup(hash(&k)), 3) != i {
					t.Fatalf("key %v is not subtask %d's", k, i)
				}
			}
		}
		again = append(again, &Kept{ForSavepoint: true})
		b.snapshot(t, again[i])
		if err := again[i].Write(); err != nil {
			t.Fatal(err)
		}
		b.close(t)
	}
	if sum != 3000 {
		t.Fatalf("three subtasks have %d keys, want 3000", sum)
	}
	last := newSubtask(t, s, hash)
	defer last.close(t)
	last.checkRestored(t, want, again...)
}

// givenUp releases snapshots that were not written, or twice.
func givenUp[K comparable, S any](t *testing.T, s Snapshots[K, S], hash func(*K) uint64) {
	a := newSubtask(t, s, hash)
	defer a.close(t)
	for range 3 {
		a.set("t", 0, 1000)
		dropped := &Kept{}
		a.snapshot(t, dropped)
		a.set("t", 500, 1000)
		dropped.Drop()
		a.set("t", 1000, 1000)
	}
	k := &Kept{}
	want := a.snapshot(t, k)
	a.set("t", 0, 3000)
	if err := k.Write(); err != nil {
		t.Fatal(err)
	}
	a.checkRestored(t, want, k)
}

// damaged restores what is cut off or changed: that is an error, or else other
// contents, which the checksums of the engine would have found.
func damaged[K comparable, S any](t *testing.T, s Snapshots[K, S], hash func(*K) uint64) {
	a := newSubtask(t, s, hash)
	defer a.close(t)
	a.set("some", 0, 300)
	a.set("others", 100, 50)
	k := &Kept{}
	a.snapshot(t, k)
	if err := k.Write(); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(r *rapid.T) {
		c := k.Copy()
		p := c.Pieces()[rapid.IntRange(0, len(c.Pieces())-1).Draw(r, "piece")]
		if len(p.Data) == 0 {
			return
		}
		at := rapid.IntRange(0, len(p.Data)-1).Draw(r, "at")
		cut := rapid.Bool().Draw(r, "cut")
		if cut {
			p.Data = p.Data[:at]
		} else {
			p.Data[at] ^= 1 << rapid.IntRange(0, 7).Draw(r, "bit")
		}
		b := newSubtask(t, s, hash)
		err := b.own.Restore(Restored{Parallelism: 1, From: []*Kept{c}}, func(_ string, t state.Table[K, S]) error {
			t.Clear()
			return nil
		})
		if cut && err == nil {
			r.Fatalf("the piece %q was restored although it ends at %d", p.Name, at)
		}
		b.close(t)
	})
}
