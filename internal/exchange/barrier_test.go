package exchange

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
)

// hurried is a host that lets a receiver work when an output must wait, until a
// barrier has to get through.
type hurried struct {
	t       *testing.T
	now     bool
	consume func()
	waits   int
}

func (h *hurried) WaitCredit(c *Channel, n int64, hurry bool) bool {
	if h.now && hurry {
		return true
	}
	if h.waits++; h.waits > 100_000 {
		h.t.Fatal("it waits for ever")
	}
	if !c.Arm(n) {
		h.consume()
	}
	return false
}
func (h *hurried) Failed(err error) { h.t.Fatal(err) }

// TestBarrierOvertakes passes a barrier at a random moment, with as much in
// flight as fits: what the receivers had consumed, what was in the rings, and
// what the sender kept, is exactly what was emitted before the barrier.
func TestBarrierOvertakes(t *testing.T) {
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 3))
		h := &hurried{t: t}
		cfg := Config{Partition: event.Rebalance, Overdraft: 4 * batchSize}
		outputs, gates, _ := mesh(1, 1+rng.IntN(3), cfg, event.TypeOf[int](), func(*Waker) Host { return h })
		o := outputs[0]
		consumed := map[int]int{}  // record: times
		var barriers []int         // that came, by gate
		behind := map[int][]int{}  // gate: records that came behind the barrier
		passed := map[int]bool{}   // gate
		take := func(i int) bool { // one input
			in, ok, err := gates[i].Next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				return false
			}
			if in.Batch != nil {
				for _, v := range in.Batch.(*event.Records[int]).Values {
					consumed[v]++
					if passed[i] {
						behind[i] = append(behind[i], v)
					}
				}
			}
			if in.Barrier != nil {
				barriers, passed[i] = append(barriers, i), true
			}
			if err := gates[i].Release(); err != nil {
				t.Fatal(err)
			}
			return true
		}
		h.consume = func() {
			for i := range gates {
				take(i)
			}
		}
		n := 0
		emit := func(m int) {
			b := event.NewRecords[int](m)
			for range m {
				b.Append(n, 0)
				n++
			}
			o.Emit(b)
		}
		for range rng.IntN(40) {
			emit(1 + rng.IntN(30))
		}
		h.now = true
		emit(1 + rng.IntN(20)) // the batch at work
		cut := n
		seen := map[int]int{} // records of the checkpoint
		for v, times := range consumed {
			seen[v] += times
		}
		kept := o.Barrier(&event.Barrier{ID: 1, Time: time.Unix(0, 0)})
		for _, k := range kept {
			for _, v := range k.Batch.(*event.Records[int]).Values {
				seen[v]++
			}
		}
		for i, g := range gates {
			told := 0
			if !g.Called() {
				t.Fatalf("seed %d: gate %d was not told", seed, i)
			}
			g.Announced(func(channel int, b *event.Barrier) { told++ })
			skip, ok, err := g.Overtaken(0, 1, g.Taken(0), func(b event.Batch) error {
				for _, v := range b.(*event.Records[int]).Values {
					seen[v]++
				}
				return nil
			})
			if !ok || err != nil || told != 1 || skip != 0 {
				t.Fatalf("seed %d: gate %d: %v, %v, told %d times, %d to be skipped", seed, i, ok, err, told, skip)
			}
		}
		for v := range cut {
			if seen[v] != 1 {
				t.Fatalf("seed %d: record %d of %d is %d times in the checkpoint", seed, v, cut, seen[v])
			}
		}
		if len(seen) != cut {
			t.Fatalf("seed %d: %d records in the checkpoint, %d were emitted", seed, len(seen), cut)
		}
		h.now = false
		for range rng.IntN(20) {
			emit(1 + rng.IntN(30))
		}
		o.End()
		for i := range gates {
			for take(i) {
			}
			if err := gates[i].Check(); err != nil {
				t.Fatal(err)
			}
			for _, v := range behind[i] {
				if v < cut {
					t.Fatalf("seed %d: record %d of %d came behind the barrier", seed, v, cut)
				}
			}
		}
		slices.Sort(barriers)
		if len(consumed) != n || len(slices.Compact(barriers)) != len(gates) {
			t.Fatalf("seed %d: %d of %d records, barriers at %v", seed, len(consumed), n, barriers)
		}
		for v, times := range consumed {
			if times != 1 {
				t.Fatalf("seed %d: record %d came %d times", seed, v, times)
			}
		}
	}
}

// TestBlockedChannel takes nothing from a channel behind its barrier while
// others go on, even when it holds the reserve that they need.
func TestBlockedChannel(t *testing.T) {
	h := &hurried{t: t}
	outputs, gates, _ := mesh(2, 1, Config{Partition: event.Forward}, event.TypeOf[string](), func(*Waker) Host { return h })
	g := gates[0]
	large := string(make([]byte, 6*batchSize))
	one := func(v string) event.Batch {
		b := event.NewRecords[string](1)
		b.Append(v, 0)
		return b
	}
	never := event.Barrier{ID: 1, UnalignedAfter: -1}
	got := map[int]int{}
	h.consume = func() {
		in, ok, err := g.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return // a question was answered, or nothing: then it waits for ever
		}
		if in.Batch != nil {
			got[in.Channel] += in.Batch.Len()
		}
		if err := g.Release(); err != nil {
			t.Fatal(err)
		}
		if in.Barrier != nil {
			if err := g.Block(in.Channel); err != nil {
				t.Fatal(err)
			}
		}
	}
	outputs[0].Barrier(&never)
	outputs[0].Emit(one(large)) // gets the reserve with the barrier, and is not taken
	outputs[0].Flush()
	if _, ok, _ := g.Next(); ok {
		t.Fatal("a blocked channel has yielded a batch")
	}
	outputs[1].Emit(one(large))
	outputs[1].Flush()
	outputs[1].Barrier(&never)
	for got[1] == 0 {
		h.consume()
	}
	if got[0] != 0 {
		t.Fatal("the blocked channel was consumed")
	}
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	h.consume() // the barrier
	g.Unblock(0)
	g.Unblock(1)
	h.consume()
	if got[0] != 1 {
		t.Fatal("the channel does not go on")
	}
}
