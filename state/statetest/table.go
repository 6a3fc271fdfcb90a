// Package statetest checks that an implementation keeps the contract of
// package state.
package statetest

import (
	"maps"
	"slices"
	"testing"
	"unsafe"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
	"pgregory.net/rapid"
)

// Tables describes tables under test, of one key and one state type.
type Tables[K comparable, S any] struct {
	// New returns an empty table. Several may share what they have.
	New func() state.Table[K, S]
	// Elsewhere says that a part of the states is not in memory, so that Bytes
	// says nothing about their number.
	Elsewhere bool
	// Key returns the i-th key; keys of different i differ, and i is never
	// negative.
	Key func(i int) K
	// Write and Read store a number other than 0 in a state and get it back.
	// Read of the zero state is 0.
	Write func(s *S, v int64)
	// Read is the inverse of Write.
	Read func(s *S) int64
}

// Run checks the tables against a builtin map, with the hashes of the engine
// and with hashes that collide.
func Run[K comparable, S any](t *testing.T, tables Tables[K, S]) {
	good, err := event.HasherOf[K]()
	if err != nil {
		t.Fatal(err)
	}
	for name, hash := range map[string]func(*K) uint64{
		"engine":         good,
		"few":            func(k *K) uint64 { return good(k)%5 + 1 },
		"low bits alike": func(k *K) uint64 { return good(k) | 0xffff },
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) { model(r, tables, hash) })
		})
	}
	t.Run("grow", func(t *testing.T) { grow(t, tables, good) })
}

// distinct is how many keys a model draws from.
const distinct = 301

type checker[K comparable, S any] struct {
	Tables[K, S]
	hash   func(*K) uint64
	table  state.Table[K, S]
	rival  state.Table[K, S] // is used meanwhile, and takes the room
	own    map[K]K           // every key, as a copy that no table holds
	want   map[K]int64
	theirs map[K]int64 // what the rival has
	tick   int64
}

func model[K comparable, S any](r *rapid.T, tables Tables[K, S], hash func(*K) uint64) {
	c := &checker[K, S]{Tables: tables, hash: hash, table: tables.New(), rival: tables.New(), own: map[K]K{}, want: map[K]int64{}, theirs: map[K]int64{}}
	defer c.table.Clear()
	defer c.rival.Clear()
	for i := range distinct {
		c.own[c.Key(i)] = c.Key(i)
	}
	r.Repeat(map[string]func(*rapid.T){
		"lookup": c.lookup,
		"get":    c.get,
		"delete": c.delete,
		"range":  c.walk,
		"scan":   c.scan,
		"merge":  c.merge,
		"expect": func(r *rapid.T) { c.table.Expect(rapid.IntRange(0, 1000).Draw(r, "expected")) },
		"clear": func(r *rapid.T) {
			if rapid.IntRange(0, 3).Draw(r, "clear") == 0 {
				c.table.Clear()
				clear(c.want)
			}
		},
		"": func(r *rapid.T) {
			if got, want := c.table.Len(), len(c.want); got != want {
				r.Fatalf("Len is %d, want %d", got, want)
			}
			var s S
			if got, least := c.table.Bytes(), int64(len(c.want))*int64(unsafe.Sizeof(s)); got < least && !c.Elsewhere {
				r.Fatalf("Bytes is %d; the states alone take %d", got, least)
			}
		},
	})
}

func (c *checker[K, S]) draw(r *rapid.T) K {
	return c.Key(rapid.IntRange(0, distinct-1).Draw(r, "key"))
}

func (c *checker[K, S]) lookup(r *rapid.T) {
	keys := rapid.SliceOfN(rapid.Custom(c.draw), 0, 200).Draw(r, "keys")
	hashes, out := make([]uint64, len(keys)), make([]*S, len(keys))
	for i := range keys {
		hashes[i] = c.hash(&keys[i])
	}
	c.table.Lookup(keys, hashes, out)
	first := map[K]*S{}
	for i, k := range keys {
		if p, ok := first[k]; ok && p != out[i] {
			r.Fatalf("key %v occurs twice and has two states", k)
		} else if !ok {
			if got, want := c.Read(out[i]), c.want[k]; got != want {
				r.Fatalf("state of %v is %d, want %d", k, got, want)
			}
			first[k] = out[i]
		}
		c.tick++
		c.Write(out[i], c.tick)
		c.want[k] = c.tick
	}
}

// disturb uses the other table.
func (c *checker[K, S]) disturb(r *rapid.T) {
	if rapid.IntRange(0, 9).Draw(r, "disturb") > 0 {
		return
	}
	from := rapid.IntRange(0, distinct-1).Draw(r, "from")
	n := rapid.IntRange(0, 50).Draw(r, "n")
	keys, hashes, out := make([]K, n), make([]uint64, n), make([]*S, n)
	for i := range keys {
		keys[i] = c.Key((from + i) % distinct)
		hashes[i] = c.hash(&keys[i])
	}
	c.rival.Lookup(keys, hashes, out)
	for i, k := range keys {
		if got, want := c.Read(out[i]), c.theirs[k]; got != want {
			r.Fatalf("state of %v in another table is %d, want %d", k, got, want)
		}
		c.tick++
		c.Write(out[i], c.tick)
		c.theirs[k] = c.tick
	}
}

// again looks up a key that is there, which does not end a walk.
func (c *checker[K, S]) again(r *rapid.T) {
	c.disturb(r)
	for _, k := range rapid.SliceOfN(rapid.Custom(c.draw), 0, 3).Draw(r, "again") {
		if c.want[k] == 0 {
			continue
		}
		var out [1]*S
		c.table.Lookup([]K{k}, []uint64{c.hash(&k)}, out[:])
		if got := c.Read(out[0]); got != c.want[k] {
			r.Fatalf("state of %v is %d, want %d", k, got, c.want[k])
		}
	}
}

// merge adds the table to the other one, as windows do that share panes.
func (c *checker[K, S]) merge(r *rapid.T) {
	step := rapid.IntRange(1, 100).Draw(r, "step")
	keys, hashes, states, into := make([]K, step), make([]uint64, step), make([]*S, step), make([]*S, step)
	for cursor := 0; cursor >= 0; {
		var n int
		n, cursor = c.table.Scan(cursor, keys, hashes, states)
		c.rival.Lookup(keys[:n], hashes[:n], into[:n])
		for i := range n {
			k := c.own[keys[i]]
			if got := c.Read(states[i]); got != c.want[k] {
				r.Fatalf("state of %v is %d while another table is in use, want %d", k, got, c.want[k])
			}
			if got := c.Read(into[i]); got != c.theirs[k] {
				r.Fatalf("state of %v in another table is %d, want %d", k, got, c.theirs[k])
			}
			c.Write(into[i], c.want[k])
			c.theirs[k] = c.want[k]
		}
	}
	if got := c.rival.Len(); got != len(c.theirs) {
		r.Fatalf("Len of the other table is %d, want %d", got, len(c.theirs))
	}
}

func (c *checker[K, S]) get(r *rapid.T) {
	k := c.draw(r)
	s, want := c.table.Get(&k, c.hash(&k)), c.want[k]
	if (s != nil) != (want != 0) {
		r.Fatalf("Get(%v): present is %v, want %v", k, s != nil, want != 0)
	}
	if s != nil && c.Read(s) != want {
		r.Fatalf("Get(%v) is %d, want %d", k, c.Read(s), want)
	}
}

func (c *checker[K, S]) delete(r *rapid.T) {
	for _, k := range rapid.SliceOfN(rapid.Custom(c.draw), 0, 50).Draw(r, "keys") {
		_, want := c.want[k]
		if got := c.table.Delete(&k, c.hash(&k)); got != want {
			r.Fatalf("Delete(%v) is %v, want %v", k, got, want)
		}
		delete(c.want, k)
	}
}

// see takes an entry that a walk has come to.
func (c *checker[K, S]) see(r *rapid.T, got map[K]int64, hash uint64, k K, s *S) {
	if _, twice := got[k]; twice {
		r.Fatalf("entry %v is visited twice", k)
	}
	if want := c.hash(&k); hash != want {
		r.Fatalf("hash of %v is %#x, want %#x", k, hash, want)
	}
	got[k] = c.Read(s)
}

// visit is see, and changes the state.
func (c *checker[K, S]) visit(r *rapid.T, got map[K]int64, hash uint64, k K, s *S) {
	c.see(r, got, hash, k, s)
	if got[k] == 0 {
		return
	}
	c.tick++
	c.Write(s, c.tick) // a walk may change states
	if c.want[k] == got[k] {
		c.want[k], got[k] = c.tick, c.tick
	}
}

func (c *checker[K, S]) walk(r *rapid.T) {
	step := rapid.IntRange(1, 100).Draw(r, "step")
	got, kept := map[K]int64{}, []K{}
	for cursor := 0; cursor >= 0; {
		n := 0
		cursor = c.table.Range(cursor, func(hash uint64, k K, s *S) bool {
			c.disturb(r)
			c.visit(r, got, hash, k, s)
			kept = append(kept, k)
			n++
			return n < step
		})
		if n > step || n < step && cursor >= 0 {
			r.Fatalf("Range went over %d entries and returned %d; it was to stop at %d", n, cursor, step)
		}
		c.again(r)
	}
	if !maps.Equal(got, c.want) {
		r.Fatalf("Range visits %v, want %v", got, c.want)
	}
	if rapid.Bool().Draw(r, "refill") { // keys of Range outlive the entries
		copies := slices.Collect(maps.Keys(got))
		c.table.Clear()
		clear(c.want)
		c.lookup(r)
		for _, k := range kept {
			if !slices.Contains(copies, k) {
				r.Fatalf("a key from Range turned into %v", k)
			}
		}
	}
}

func (c *checker[K, S]) scan(r *rapid.T) {
	step := rapid.IntRange(1, 100).Draw(r, "step")
	keys, hashes, states := make([]K, step), make([]uint64, step), make([]*S, step)
	got := map[K]int64{}
	for cursor := 0; cursor >= 0; {
		var n int
		n, cursor = c.table.Scan(cursor, keys, hashes, states)
		if n < step && cursor >= 0 {
			r.Fatalf("Scan stopped at %d of %d entries and returned %d", n, step, cursor)
		}
		for i := range n {
			c.disturb(r)
			c.see(r, got, hashes[i], c.own[keys[i]], states[i]) // keys[i] is valid until a change only
		}
		c.again(r)
	}
	if !maps.Equal(got, c.want) {
		r.Fatalf("Scan visits %v, want %v", got, c.want)
	}
}

func grow[K comparable, S any](t *testing.T, tables Tables[K, S], hash func(*K) uint64) {
	const size = 1024
	batches, stride := 40, 1
	if testing.Short() { // fewer, of which Get reads a part and Range all
		batches, stride = 10, 5
	}
	table := tables.New()
	defer table.Clear()
	keys, hashes, out := make([]K, size), make([]uint64, size), make([]*S, size)
	for b := range batches {
		for i := range keys {
			keys[i] = tables.Key(b*size + i)
			hashes[i] = hash(&keys[i])
		}
		table.Lookup(keys, hashes, out)
		for i := range out {
			tables.Write(out[i], int64(b*size+i+1))
		}
	}
	if table.Len() != batches*size {
		t.Fatalf("Len is %d, want %d", table.Len(), batches*size)
	}
	for i := 0; i < batches*size; i += stride {
		k := tables.Key(i)
		if s := table.Get(&k, hash(&k)); s == nil || tables.Read(s) != int64(i+1) {
			t.Fatalf("state of key %v is lost", k)
		}
	}
	n, sum := 0, int64(0)
	table.Range(0, func(_ uint64, _ K, s *S) bool {
		n++
		sum += tables.Read(s)
		return true
	})
	if want := int64(batches * size); n != batches*size || sum != want*(want+1)/2 {
		t.Fatalf("Range visits %d of %d keys, whose states add up to %d, want %d", n, batches*size, sum, want*(want+1)/2)
	}
}
