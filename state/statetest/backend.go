package statetest

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
	"pgregory.net/rapid"
)

// Backends describes backends under test, of one key type.
type Backends[K comparable] struct {
	// New returns an empty backend whose store has no states yet.
	New func(t testing.TB) state.Backend[K]
	// Key returns the i-th key; keys of different i differ, and i is never
	// negative.
	Key func(i int) K
}

// RunBackend checks backends against plain maps: random changes of all kinds
// of states, with and without times to live, under a clock that only the test
// moves.
func RunBackend[K comparable](t *testing.T, backends Backends[K]) {
	good, err := event.HasherOf[K]()
	if err != nil {
		t.Fatal(err)
	}
	for name, hash := range map[string]func(*K) uint64{
		"engine": good,
		"few":    func(k *K) uint64 { return good(k)%3 + 1 },
		"mixed": func(k *K) uint64 {
			if h := good(k); h%2 == 0 {
				return h
			}
			return good(k)%3 + 1
		},
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) { newStates(t, r, backends, hash, lists.Draw(r, "lists")).run(r) })
		})
	}
	t.Run("empty keys are forgotten", func(t *testing.T) { forgets(t, backends, good) })
	t.Run("expired keys are forgotten", func(t *testing.T) { expires(t, backends, good) })
	t.Run("declarations", func(t *testing.T) { declarations(t, backends) })
}

// Times to live of the states of the model.
const (
	shortTTL = 50 * time.Nanosecond
	readTTL  = 70 * time.Nanosecond
)

// pair is a value with a part outside of its cell.
type pair struct {
	N    int64
	Text string
}

func pairOf(n int64) pair { return pair{N: n, Text: fmt.Sprint("text ", n)} }

// timed is what a model remembers: a value and when it was last touched.
type timed struct {
	v  int64
	at int64
}

// remembered is the model of one key.
type remembered struct {
	plain, short, read *timed
	sum                *timed
	list, shortList    []timed
	entries, readMap   map[int]timed
	dated              []state.Dated[pair]
	pins               int
	slot               uint32
}

type states[K comparable] struct {
	Backends[K]
	hash func(*K) uint64
	b    state.Backend[K]
	now  int64
	want map[int]*remembered

	plain     *state.Value[int64]
	short     *state.Value[pair]
	read      *state.Value[pair]
	sum       *state.Reducing[int64]
	list      *state.List[pair]
	shortList *state.List[int64]
	entries   *state.Map[string, pair]
	readMap   *state.Map[int, int64]
	dated     *state.Series[pair]
}

// lists tells whether there are states whose elements could be changed in place. A
// store without them sees all changes, and a backend may rely on that.
var lists = rapid.Bool()

func newStates[K comparable](t testing.TB, r *rapid.T, backends Backends[K], hash func(*K) uint64, lists bool) *states[K] {
	m := &states[K]{Backends: backends, hash: hash, b: backends.New(t), want: map[int]*remembered{}}
	s := m.b.Store()
	m.plain = state.NewValue[int64](s, "plain")
	m.short = state.NewValue[pair](s, "short", state.TTL(shortTTL))
	m.read = state.NewValue[pair](s, "read", state.TTLOnRead(readTTL))
	m.sum = state.NewReducing(s, "sum", func(acc, v *int64) { *acc = *acc*3 + *v })
	if lists {
		m.list = state.NewList[pair](s, "list")
		m.shortList = state.NewList[int64](s, "short list", state.TTL(shortTTL))
		m.dated = state.NewSeries[pair](s, "dated")
	}
	m.entries = state.NewMap[string, pair](s, "entries")
	m.readMap = state.NewMap[int, int64](s, "read map", state.TTLOnRead(readTTL))
	if err := s.Seal(); err != nil {
		r.Fatal(err)
	}
	if s.Exact() == lists {
		r.Fatalf("a store with lists: %v, sees all changes: %v", lists, s.Exact())
	}
	return m
}

func (m *states[K]) run(r *rapid.T) {
	for range rapid.IntRange(1, 60).Draw(r, "chunks") {
		if rapid.Bool().Draw(r, "later") {
			m.now += int64(rapid.IntRange(1, 60).Draw(r, "by"))
			m.b.Store().SetNow(m.now)
		}
		if rapid.IntRange(0, 4).Draw(r, "recall") == 0 {
			m.recall(r)
		}
		m.chunk(r)
	}
	if err := m.b.Close(); err != nil {
		r.Fatal(err)
	}
}

// chunk selects some keys, some of them twice, and changes their states.
func (m *states[K]) chunk(r *rapid.T) {
	numbers := rapid.SliceOfN(rapid.IntRange(0, 40), 1, 20).Draw(r, "keys")
	keys, hashes, slots := make([]K, len(numbers)), make([]uint64, len(numbers)), make([]uint32, len(numbers))
	for i, n := range numbers {
		keys[i] = m.Key(n)
		hashes[i] = m.hash(&keys[i])
	}
	if err := m.b.Select(keys, hashes, slots); err != nil {
		r.Fatal(err)
	}
	for i, n := range numbers {
		w := m.want[n]
		if w == nil {
			w = &remembered{entries: map[int]timed{}, readMap: map[int]timed{}}
			m.want[n] = w
		}
		if w.pins > 0 && w.slot != slots[i] {
			r.Fatalf("key %d was pinned in slot %d and is in slot %d", n, w.slot, slots[i])
		}
		w.slot = slots[i]
		m.b.Store().Use(slots[i])
		for range rapid.IntRange(0, 4).Draw(r, "changes") {
			m.change(r, w)
		}
		m.pin(r, w)
	}
	if err := m.b.Settle(keys, hashes, slots); err != nil {
		r.Fatal(err)
	}
}

// change changes the states of the current key, and looks at them.
func (m *states[K]) change(r *rapid.T, w *remembered) {
	m.values(r, w)
	m.maps(r, w)
	if m.list != nil {
		m.lists(r, w)
		m.series(r, w)
	}
}

func (m *states[K]) pin(r *rapid.T, w *remembered) {
	switch rapid.IntRange(0, 8).Draw(r, "pin") {
	case 0:
		m.b.Store().Pin(w.slot)
		w.pins++
	case 1, 2:
		if w.pins > 0 {
			m.b.Store().Unpin(w.slot)
			w.pins--
		}
	}
}

// recall finds pinned keys by their slots.
func (m *states[K]) recall(r *rapid.T) {
	for n := range 41 {
		w := m.want[n]
		if w == nil || w.pins == 0 {
			continue
		}
		want := m.Key(n)
		hash := m.hash(&want)
		key, err := m.b.Recall(w.slot, hash)
		if err != nil || key != want {
			r.Fatalf("recalled key %v, want %v (%v)", key, want, err)
		}
		m.b.Store().Use(w.slot)
		m.values(r, w)
		if err := m.b.Settle([]K{key}, []uint64{hash}, []uint32{w.slot}); err != nil {
			r.Fatal(err)
		}
	}
}

// alive forgets what has expired.
func (m *states[K]) alive(t *timed, ttl time.Duration) *timed {
	if t == nil || ttl > 0 && t.at+int64(ttl) <= m.now {
		return nil
	}
	return t
}

func checkValue[T comparable](r *rapid.T, what string, got T, ok bool, want *timed, of func(int64) T) {
	var expected T
	if want != nil {
		expected = of(want.v)
	}
	if ok != (want != nil) || got != expected {
		r.Fatalf("%s: got %v, %v; want %v, %v", what, got, ok, expected, want != nil)
	}
}

func same(n int64) int64 { return n }

func (m *states[K]) values(r *rapid.T, w *remembered) {
	x := int64(rapid.IntRange(1, 1000).Draw(r, "value"))
	w.short, w.read = m.alive(w.short, shortTTL), m.alive(w.read, readTTL)
	switch rapid.IntRange(0, 9).Draw(r, "value op") {
	case 0:
		m.plain.Set(x)
		w.plain = &timed{v: x}
	case 1:
		*m.plain.Upsert() += x
		if w.plain == nil {
			w.plain = &timed{}
		}
		w.plain.v += x
	case 2:
		m.plain.Clear()
		m.sum.Clear()
		w.plain, w.sum = nil, nil
	case 3:
		m.short.Set(pairOf(x))
		w.short = &timed{v: x, at: m.now}
	case 4:
		p := m.short.Upsert()
		if w.short != nil && *p != pairOf(w.short.v) || w.short == nil && *p != (pair{}) {
			r.Fatalf("Upsert returned %v, want %v", *p, w.short)
		}
		*p = pairOf(x)
		w.short = &timed{v: x, at: m.now}
	case 5:
		m.read.Set(pairOf(x))
		w.read = &timed{v: x, at: m.now}
	case 6:
		m.sum.Add(x)
		if w.sum == nil {
			w.sum = &timed{v: x}
		} else {
			w.sum.v = w.sum.v*3 + x
		}
	case 7:
		m.short.Clear()
		w.short = nil
	}
	if rapid.Bool().Draw(r, "look") {
		got, ok := m.read.Get()
		checkValue(r, "read", got, ok, w.read, pairOf)
		if w.read != nil {
			w.read.at = m.now
		}
	}
	got, ok := m.plain.Get()
	checkValue(r, "plain", got, ok, w.plain, same)
	short, ok := m.short.Get()
	checkValue(r, "short", short, ok, w.short, pairOf)
	sum, ok := m.sum.Get()
	checkValue(r, "sum", sum, ok, w.sum, same)
}

func (m *states[K]) lists(r *rapid.T, w *remembered) {
	x := int64(rapid.IntRange(1, 1000).Draw(r, "element"))
	w.shortList = slices.DeleteFunc(w.shortList, func(t timed) bool { return m.alive(&t, shortTTL) == nil })
	switch rapid.IntRange(0, 8).Draw(r, "list op") {
	case 0, 1:
		m.list.Append(pairOf(x))
		w.list = append(w.list, timed{v: x})
	case 2, 3:
		m.shortList.Append(x)
		w.shortList = append(w.shortList, timed{v: x, at: m.now})
	case 4:
		keep := rapid.IntRange(0, len(w.list)).Draw(r, "keep")
		m.list.Set(m.list.Get()[keep:])
		w.list = slices.Clone(w.list[keep:])
	case 5:
		m.shortList.Set([]int64{x, x + 1})
		w.shortList = []timed{{x, m.now}, {x + 1, m.now}}
	case 6:
		m.shortList.Clear()
		w.shortList = nil
	}
	got := m.list.Get()
	if !slices.EqualFunc(got, w.list, func(p pair, t timed) bool { return p == pairOf(t.v) }) || m.list.Len() != len(got) {
		r.Fatalf("list: got %v, want %v", got, w.list)
	}
	if got := m.shortList.Get(); !slices.EqualFunc(got, w.shortList, func(v int64, t timed) bool { return v == t.v }) {
		r.Fatalf("short list: got %v, want %v", got, w.shortList)
	}
}

func (m *states[K]) maps(r *rapid.T, w *remembered) {
	x, k := int64(rapid.IntRange(1, 1000).Draw(r, "entry")), rapid.IntRange(0, 30).Draw(r, "entry key")
	for k, t := range w.readMap {
		if m.alive(&t, readTTL) == nil {
			delete(w.readMap, k)
		}
	}
	switch rapid.IntRange(0, 9).Draw(r, "map op") {
	case 0, 1:
		m.entries.Set(fmt.Sprint(k), pairOf(x))
		w.entries[k] = timed{v: x}
	case 2:
		_, had := w.entries[k]
		if m.entries.Delete(fmt.Sprint(k)) != had {
			r.Fatalf("Delete of entry %d did not return %v", k, had)
		}
		delete(w.entries, k)
	case 3, 4:
		m.readMap.Set(k, x)
		w.readMap[k] = timed{v: x, at: m.now}
	case 5:
		got, ok := m.readMap.Get(k)
		var want *timed
		if t, ok := w.readMap[k]; ok {
			want = &t
			w.readMap[k] = timed{v: t.v, at: m.now}
		}
		checkValue(r, "read map", got, ok, want, same)
	case 6: // deletes during a walk, and touches the rest
		seen := map[int]bool{}
		for k, v := range m.readMap.All() {
			if t, ok := w.readMap[k]; !ok || t.v != v || seen[k] {
				r.Fatalf("a walk found %d: %d, want %v", k, v, w.readMap)
			}
			seen[k] = true
			if v%2 == 0 {
				m.readMap.Delete(k)
			}
		}
		if len(seen) != len(w.readMap) {
			r.Fatalf("a walk found %d entries of %d", len(seen), len(w.readMap))
		}
		for k, t := range w.readMap {
			w.readMap[k] = timed{v: t.v, at: m.now}
			if t.v%2 == 0 {
				delete(w.readMap, k)
			}
		}
	case 7:
		m.entries.Clear()
		clear(w.entries)
	}
	if m.entries.Len() != len(w.entries) || m.readMap.Len() != len(w.readMap) {
		r.Fatalf("%d and %d entries, want %d and %d", m.entries.Len(), m.readMap.Len(), len(w.entries), len(w.readMap))
	}
	for k, p := range m.entries.All() {
		n, err := strconv.Atoi(k)
		if err != nil {
			r.Fatal(err)
		}
		if t, ok := w.entries[n]; !ok || p != pairOf(t.v) {
			r.Fatalf("entry %q is %v, want %v", k, p, t)
		}
	}
}
