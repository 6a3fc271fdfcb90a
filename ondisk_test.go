package afflux_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/pebble"
	"github.com/affluxdev/afflux/window"
)

// shelf is a disk in memory, for tests that open hundreds of them.
type shelf struct {
	resident int64
	room     int // values that may be written, 0 for any number
}

func (d shelf) Resident() int64 { return d.resident }
func (d shelf) Open(string, int) (state.KV, error) {
	return &shelfKV{rows: map[string][]byte{}, room: d.room}, nil
}

type shelfKV struct {
	rows map[string][]byte
	room int
}

func (kv *shelfKV) Get(key, dst []byte) ([]byte, bool, error) {
	v, ok := kv.rows[string(key)]
	return append(dst, v...), ok, nil
}

func (kv *shelfKV) Set(key, value []byte) error {
	if kv.room > 0 {
		if kv.room--; kv.room == 0 {
			return syscall.ENOSPC
		}
	}
	kv.rows[string(key)] = bytes.Clone(value)
	return nil
}

func (kv *shelfKV) Delete(key []byte) error { delete(kv.rows, string(key)); return nil }

func (kv *shelfKV) DeleteRange(from, to []byte) error {
	maps.DeleteFunc(kv.rows, func(k string, _ []byte) bool { return k >= string(from) && k < string(to) })
	return nil
}

func (kv *shelfKV) Scan(after []byte, n int, f func(key, value []byte)) error {
	for _, k := range slices.Sorted(maps.Keys(kv.rows)) {
		if k > string(after) && n > 0 {
			f([]byte(k), kv.rows[k])
			n--
		}
	}
	return nil
}

func (kv *shelfKV) Bytes() int64 { return 0 }
func (kv *shelfKV) Close() error { return nil }

// limited is a disk with its own bound for what may stay in memory.
type limited struct {
	state.Disk
	resident int64
}

func (d limited) Resident() int64 { return d.resident }

func onPebble(t testing.TB, resident int64) afflux.JobOption {
	d, err := pebble.In(t.TempDir(), pebble.MinMemory)
	if err != nil {
		t.Fatal(err)
	}
	return afflux.StateOnDisk(limited{d, resident})
}

// places are where the tests of windows keep state: in memory, and with nothing
// or little of it there.
var places = map[string][]afflux.JobOption{
	"in memory":      nil,
	"on disk":        {afflux.StateOnDisk(shelf{})},
	"partly on disk": {afflux.StateOnDisk(shelf{resident: 2_000})},
}

// manyPings are pings of far more users than fit into the budget of a test.
func manyPings() []ping { return pings(11, 40_000/part, 15_000/part) }

// orderedPings is keyedPings from one split, so that the records of a user come
// in the order of the slice.
func orderedPings(j *afflux.Job, all []ping) *afflux.Keyed[int, ping] {
	return afflux.From(j, "pings", memory.Source(all), afflux.Parallelism(1)).
		EventTime(func(v *ping) event.Time { return v.At }, afflux.OutOfOrder(outOfOrder)).
		KeyBy("user", func(v *ping) int { return v.User })
}

const littleMemory = 200_000 / part // bytes of each subtask; 15000 keys take more than a megabyte

// Rolling results are the same wherever the accumulators are.
func TestRollingOnDisk(t *testing.T) {
	all := manyPings()
	counts, sums := map[int]int64{}, map[int]ping{}
	var wantCounts []afflux.KV[int, float64]
	var wantSums []ping
	for _, v := range all {
		counts[v.User] += int64(v.N)
		wantCounts = append(wantCounts, afflux.KV[int, float64]{Key: v.User, Value: float64(counts[v.User])})
		s, ok := sums[v.User]
		if s.N += v.N; !ok {
			s = v
		}
		s.Kind += v.Kind
		if !ok {
			s = v
		}
		sums[v.User] = s
		wantSums = append(wantSums, s)
	}
	total := afflux.Initialized(func(a **float64) { *a = new(float64) }, afflux.Aggregator[ping, *float64, float64]{ // the accumulator is behind a pointer
		Add:    func(a **float64, v *ping) { **a += float64(v.N) },
		Result: func(a **float64) float64 { return **a },
	})
	for _, p := range parallelisms {
		t.Run(fmt.Sprint(p), func(t *testing.T) {
			j := afflux.NewJob("t", afflux.Parallelism(p), onPebble(t, littleMemory))
			var gotCounts collector[afflux.KV[int, float64]]
			var gotSums collector[ping]
			keyed := orderedPings(j, all)
			keyed.Aggregate("total", total).To("totals", &gotCounts)
			keyed.Reduce("join", func(acc, v *ping) { acc.N += v.N; acc.Kind += v.Kind }).To("joined", &gotSums)
			if err := run(t, j); err != nil {
				t.Fatal(err)
			}
			equalSets(t, "totals", gotCounts.got, wantCounts)
			equalSets(t, "joined", gotSums.got, wantSums)
		})
	}
}

// Windows of all kinds have the same results wherever their states are, with
// far more keys than fit in memory.
func TestWindowsOnDiskAreThoseInMemory(t *testing.T) {
	all := manyPings()
	for name, d := range map[string]struct {
		definition window.Definition
		options    []afflux.WindowOption
	}{
		"tumbling":   {window.Tumbling(30_000), nil},
		"sliding":    {window.Sliding(60_000, 20_000), nil},
		"late":       {window.Tumbling(30_000), []afflux.WindowOption{afflux.AllowedLateness(10_000), afflux.EarlyCount(3)}},
		"discarding": {window.Sliding(60_000, 20_000), []afflux.WindowOption{afflux.Discard()}},
		"session":    {window.Session(20_000), nil},
		"count":      {window.SlidingCount(4, 2), nil},
		"global":     {window.Global(), nil},
	} {
		t.Run(name, func(t *testing.T) {
			results := func(options ...afflux.JobOption) (out []string) {
				j := afflux.NewJob("t", options...)
				var got collector[window.Result[int, []string]]
				orderedPings(j, all).Window(d.definition, d.options...).
					Aggregate("window", afflux.Aggregator[ping, map[string]int, []string]{
						Add: func(a *map[string]int, v *ping) {
							if *a == nil {
								*a = map[string]int{}
							}
							(*a)[fmt.Sprint(v.Kind, v.N)] = v.N
						},
						Merge: func(into, from *map[string]int) {
							if *into == nil {
								*into = map[string]int{}
							}
							maps.Copy(*into, *from)
						},
						Result: func(a *map[string]int) []string { return slices.Sorted(maps.Keys(*a)) },
					}).To("out", &got)
				if err := run(t, j); err != nil {
					t.Fatal(err)
				}
				return sortedText(got.got)
			}
			want := results(afflux.Parallelism(2))
			if len(want) < 1000/part {
				t.Fatalf("only %d results", len(want))
			}
			for _, p := range parallelisms {
				if got := results(afflux.Parallelism(p), onPebble(t, littleMemory)); !slices.Equal(got, want) {
					t.Fatalf("parallelism %d: %d results, in memory %d", p, len(got), len(want))
				}
			}
		})
	}
}

// A full disk ends the job with one message, which names the operator and the
// key.
func TestFullDisk(t *testing.T) {
	for name, build := range map[string]func(*afflux.Keyed[int, ping]) *afflux.Stream[int64]{
		"rolling": func(k *afflux.Keyed[int, ping]) *afflux.Stream[int64] {
			return k.Aggregate("counting", afflux.Count[ping]()).Map("m", func(r *afflux.KV[int, int64]) int64 { return r.Value })
		},
		"window": func(k *afflux.Keyed[int, ping]) *afflux.Stream[int64] {
			return k.Window(window.Tumbling(time.Second)).Aggregate("counting", afflux.Count[ping]()).
				Map("m", func(r *window.Result[int, int64]) int64 { return r.Value })
		},
	} {
		t.Run(name, func(t *testing.T) {
			j := afflux.NewJob("t", afflux.Parallelism(1), afflux.StateOnDisk(shelf{room: 1000}))
			build(keyedPings(j, manyPings())).To("out", &collector[int64]{})
			err := run(t, j)
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("got error %v", err)
			}
			text := err.Error()
			if !strings.Contains(text, "counting") || !strings.Contains(text, "the state of key") || strings.Count(text, syscall.ENOSPC.Error()) != 1 {
				t.Errorf("got the message %q", text)
			}
		})
	}
}

// What cannot be stored is found when the job starts, not when a key leaves.
func TestAccumulatorsThatCannotBeStored(t *testing.T) {
	type busy struct{ then func() }
	j := afflux.NewJob("t", afflux.StateOnDisk(shelf{}))
	keyedPings(j, pings(1, 10, 2)).Aggregate("a", afflux.Aggregator[ping, busy, int]{
		Add: func(b *busy, _ *ping) { b.then = func() {} }, Result: func(*busy) int { return 0 },
	}).To("out", memory.Sink[afflux.KV[int, int]]())
	err := run(t, j)
	if err == nil || !strings.Contains(err.Error(), `"a"`) && !strings.Contains(err.Error(), "a: ") || !strings.Contains(err.Error(), "busy.then is a func") {
		t.Errorf("got error %v", err)
	}
}
