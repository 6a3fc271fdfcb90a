package statetest

import (
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
	"pgregory.net/rapid"
)

// RunBackendSnapshots checks snapshots of backends: that they hold all states
// as they were when they were taken, whatever the task does while they are being
// written, and that they can be restored by another number of subtasks.
func RunBackendSnapshots[K comparable](t *testing.T, backends Backends[K]) {
	good, err := event.HasherOf[K]()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("model", func(t *testing.T) {
		rapid.Check(t, func(r *rapid.T) { newStates(t, r, backends, good, lists.Draw(r, "lists")).snapshots(t, r) })
	})
	t.Run("rescale", func(t *testing.T) { rescaleBackend(t, backends.closing(), good) })
	t.Run("declarations", func(t *testing.T) { redeclared(t, backends.closing(), good) })
	t.Run("broadcast", func(t *testing.T) { broadcastSnapshot(t, backends.closing()) })
	t.Run("damaged", func(t *testing.T) { damagedBackend(t, backends, good) })
}

// closing are the same backends, closed when their test ends.
func (b Backends[K]) closing() Backends[K] {
	return Backends[K]{Key: b.Key, New: func(t testing.TB) state.Backend[K] {
		own := b.New(t)
		t.Cleanup(func() {
			if err := own.Close(); err != nil {
				t.Error(err)
			}
		})
		return own
	}}
}

// copyOf is a model of the same states without pins.
func copyOf(want map[int]*remembered) map[int]*remembered {
	timedOf := func(t *timed) *timed {
		if t == nil {
			return nil
		}
		c := *t
		return &c
	}
	all := map[int]*remembered{}
	for n, w := range want {
		all[n] = &remembered{
			plain: timedOf(w.plain), short: timedOf(w.short), read: timedOf(w.read), sum: timedOf(w.sum),
			list: slices.Clone(w.list), shortList: slices.Clone(w.shortList), dated: slices.Clone(w.dated),
			entries: maps.Clone(w.entries), readMap: maps.Clone(w.readMap),
		}
	}
	return all
}

func (m *states[K]) snapshots(t testing.TB, r *rapid.T) {
	type taken struct {
		kept *Kept
		want map[int]*remembered
		now  int64
		done chan error
	}
	var all []taken
	chunks := func() {
		for range rapid.IntRange(0, 8).Draw(r, "chunks") {
			if rapid.Bool().Draw(r, "later") {
				m.now += int64(rapid.IntRange(1, 60).Draw(r, "by"))
				m.b.Store().SetNow(m.now)
			}
			if rapid.IntRange(0, 4).Draw(r, "recall") == 0 {
				m.recall(r)
			}
			m.chunk(r)
		}
	}
	for range rapid.IntRange(1, 3).Draw(r, "snapshots") {
		chunks()
		s := taken{kept: &Kept{}, want: copyOf(m.want), now: m.now, done: make(chan error, 1)}
		if err := m.b.Snapshot(s.kept); err != nil {
			r.Fatalf("Snapshot: %v", err)
		}
		switch rapid.IntRange(0, 3).Draw(r, "write") {
		case 0:
			go func() { s.done <- s.kept.Write() }()
		case 1:
			s.done <- s.kept.Write()
		case 2: // later than all changes
			s.done = nil
		case 3:
			s.kept.Drop()
			continue
		}
		all = append(all, s)
	}
	chunks()
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
		n := newStates(t, r, m.Backends, m.hash, m.list != nil)
		n.want, n.now = s.want, s.now
		n.b.Store().SetNow(n.now)
		if err := n.b.Restore(Restored{Parallelism: 1, From: []*Kept{s.kept}}); err != nil {
			r.Fatalf("Restore: %v", err)
		}
		n.all(r)
		if err := n.b.Close(); err != nil {
			r.Fatal(err)
		}
	}
	m.all(r)
	if err := m.b.Close(); err != nil {
		r.Fatal(err)
	}
}

// all compares the states of all keys with the model.
func (m *states[K]) all(r *rapid.T) {
	for _, n := range slices.Sorted(maps.Keys(m.want)) {
		w := m.want[n]
		keys := []K{m.Key(n)}
		hashes, slots := []uint64{m.hash(&keys[0])}, []uint32{0}
		if err := m.b.Select(keys, hashes, slots); err != nil {
			r.Fatal(err)
		}
		m.b.Store().Use(slots[0])
		m.change(r, w)
		if err := m.b.Settle(keys, hashes, slots); err != nil {
			r.Fatal(err)
		}
	}
}

// counters is a backend with a few states, one of them with a history.
type counters[K comparable] struct {
	b    state.Backend[K]
	n    *state.Value[int64]
	list *state.List[string]
}

func newCounters[K comparable](t testing.TB, backends Backends[K]) counters[K] {
	c := counters[K]{b: backends.New(t)}
	c.n, c.list = state.NewValue[int64](c.b.Store(), "n"), state.NewList[string](c.b.Store(), "list")
	if err := c.b.Store().Seal(); err != nil {
		t.Fatal(err)
	}
	return c
}

func keep[K comparable](t testing.TB, b state.Backend[K]) *Kept {
	k := &Kept{}
	if err := b.Snapshot(k); err != nil {
		t.Fatal(err)
	}
	if err := k.Write(); err != nil {
		t.Fatal(err)
	}
	return k
}

func rescaleBackend[K comparable](t *testing.T, backends Backends[K], hash func(*K) uint64) {
	const all = 2000
	fill := func(c counters[K], index, parallelism int) {
		for i := range all {
			k := backends.Key(i)
			if h := hash(&k); event.SubtaskOf(event.KeyGroup(h), parallelism) == index {
				one(t, c.b, hash, k, func() {
					c.n.Set(int64(i))
					c.list.Append(strings.Repeat("x", i%100))
				})
			}
		}
	}
	check := func(c counters[K], index, parallelism int) {
		own := 0
		for i := range all {
			k := backends.Key(i)
			if h := hash(&k); event.SubtaskOf(event.KeyGroup(h), parallelism) == index {
				own++
				one(t, c.b, hash, k, func() {
					n, ok := c.n.Get()
					if list := c.list.Get(); !ok || n != int64(i) || len(list) != 1 || len(list[0]) != i%100 {
						t.Fatalf("key %d has %d, %v, %v", i, n, ok, list)
					}
				})
			}
		}
		if c.b.Len() != own {
			t.Fatalf("subtask %d of %d has %d keys, want %d", index, parallelism, c.b.Len(), own)
		}
	}
	var from []*Kept
	for i := range 2 {
		c := newCounters(t, backends)
		fill(c, i, 2)
		from = append(from, keep(t, c.b))
	}
	for _, parallelism := range []int{3, 1} {
		var next []*Kept
		for i := range parallelism {
			c := newCounters(t, backends)
			if err := c.b.Restore(Restored{Index: i, Parallelism: parallelism, From: from}); err != nil {
				t.Fatal(err)
			}
			check(c, i, parallelism)
			next = append(next, keep(t, c.b))
		}
		from = next
	}
}

// redeclared restores what other states have left.
func redeclared[K comparable](t *testing.T, backends Backends[K], hash func(*K) uint64) {
	c := newCounters(t, backends)
	key := backends.Key(7)
	one(t, c.b, hash, key, func() { c.n.Set(1); c.list.Append("a") })
	kept := keep(t, c.b)
	other := func() (b state.Backend[K], fresh *state.Value[string], list *state.List[string]) {
		b = backends.New(t)
		fresh, list = state.NewValue[string](b.Store(), "fresh"), state.NewList[string](b.Store(), "list")
		if err := b.Store().Seal(); err != nil {
			t.Fatal(err)
		}
		return b, fresh, list
	}
	b, _, _ := other()
	if err := b.Restore(Restored{Parallelism: 1, From: []*Kept{kept}}); err == nil || !strings.Contains(err.Error(), `"n"`) {
		t.Errorf("the error does not name the state that nobody claims: %v", err)
	}
	b, fresh, list := other()
	if err := b.Restore(Restored{Parallelism: 1, From: []*Kept{kept}, Unclaimed: true}); err != nil {
		t.Fatal(err)
	}
	one(t, b, hash, key, func() {
		if _, ok := fresh.Get(); ok || !slices.Equal(list.Get(), []string{"a"}) {
			t.Errorf("a new state is not empty, or the list is %v", list.Get())
		}
	})
}

func broadcastSnapshot[K comparable](t *testing.T, backends Backends[K]) {
	open := func() (state.Backend[K], *state.BroadcastMap[string, int]) {
		b := backends.New(t)
		rules := state.NewBroadcastMap[string, int](b.Store(), "rules")
		if err := b.Store().Seal(); err != nil {
			t.Fatal(err)
		}
		return b, rules
	}
	var from []*Kept
	for range 2 {
		b, rules := open()
		b.Store().AllowBroadcast(true)
		rules.Set("a", 1)
		rules.Set("b", 2)
		from = append(from, keep(t, b))
		rules.Clear()
	}
	for i := range 3 {
		b, rules := open()
		if err := b.Restore(Restored{Index: i, Parallelism: 3, From: from}); err != nil {
			t.Fatal(err)
		}
		if got := maps.Collect(rules.All()); !maps.Equal(got, map[string]int{"a": 1, "b": 2}) {
			t.Errorf("subtask %d has the rules %v", i, got)
		}
	}
}

func damagedBackend[K comparable](t *testing.T, backends Backends[K], hash func(*K) uint64) {
	c := newCounters(t, backends.closing())
	for i := range 300 {
		one(t, c.b, hash, backends.Key(i), func() { c.n.Set(int64(i)); c.list.Append("some text") })
	}
	kept := keep(t, c.b)
	rapid.Check(t, func(r *rapid.T) {
		k := kept.Copy()
		p := k.Pieces()[rapid.IntRange(0, len(k.Pieces())-1).Draw(r, "piece")]
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
		d := newCounters(t, backends)
		err := d.b.Restore(Restored{Parallelism: 1, From: []*Kept{k}})
		if cut && err == nil {
			r.Fatalf("the piece %q was restored although it ends at %d", p.Name, at)
		}
		if err := d.b.Close(); err != nil {
			r.Fatal(err)
		}
	})
	broken := &Kept{}
	if err := c.b.Snapshot(broken); err != nil {
		t.Fatal(err)
	}
	captures := len(broken.captures)
	if err := broken.writeTo(full{}); captures > 0 && !errors.Is(err, errFull) {
		t.Errorf("a capture that cannot be written returns %v", err)
	}
	one(t, c.b, hash, backends.Key(1), func() { c.n.Set(5) })
	kept = keep(t, c.b)
	d := newCounters(t, backends.closing())
	if err := d.b.Restore(Restored{Parallelism: 1, From: []*Kept{kept}}); err != nil {
		t.Fatal(err)
	}
}

var errFull = errors.New("no room")

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

// writeTo writes captures to a place where they are lost.
func (k *Kept) writeTo(w io.Writer) (err error) {
	for _, c := range k.captures {
		err = errors.Join(err, c.Write(w))
	}
	k.Drop()
	return err
}
