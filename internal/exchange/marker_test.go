package exchange

import (
	"testing"

	"github.com/affluxdev/afflux/event"
)

// came reads what there is: the values of records, and markers as -At.
func came(t *testing.T, g *Gate) (got []int64) {
	t.Helper()
	for {
		in, ok, err := g.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return got
		}
		if in.Batch != nil {
			got = append(got, in.Batch.(*event.Records[int64]).Values...)
		}
		for r := in.Markers; r != nil; r = r.Next {
			got = append(got, -r.At)
		}
		if in.Barrier != nil {
			got = append(got, 1000)
		}
		if err := g.Release(); err != nil {
			t.Fatal(err)
		}
	}
}

func emit(o *Output, values ...int64) {
	b := event.NewRecords[int64](len(values))
	for _, v := range values {
		b.Append(v, 0)
	}
	o.Emit(b)
}

func alone(t *testing.T) (*Output, *Gate) {
	t.Helper()
	c := NewChannel(64, NewWaker(), NewWaker())
	cfg := Config{Batch: batchSize, Largest: ledger().Largest(), Overdraft: batchSize}
	o := NewOutput(cfg, event.TypeOf[int64](), []*Channel{c}, stuck{})
	return o, NewGate(ledger(), []*Channel{c})
}

func same(t *testing.T, got []int64, want ...int64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

// TestMarkersFollowRecords sends markers behind open records, without any, and
// ahead of a barrier and of the end.
func TestMarkersFollowRecords(t *testing.T) {
	o, g := alone(t)
	emit(o, 1, 2)
	o.Mark(Marker{At: 10}, 0)
	o.Mark(Marker{At: 11}, 0)
	same(t, came(t, g)) // it leaves with the records, not before
	o.Flush()
	same(t, came(t, g), 1, 2, -10, -11)
	o.Mark(Marker{At: 12}, 0)
	o.Flush()
	same(t, came(t, g), -12)
	emit(o, 3)
	o.Mark(Marker{At: 13}, 0)
	o.Barrier(&event.Barrier{ID: 1})
	o.Mark(Marker{At: 14}, 0)
	o.Barrier(&event.Barrier{ID: 2})
	same(t, came(t, g), 3, -13, 1000, -14, 1000)
	o.Mark(Marker{At: 15}, 0)
	o.End()
	same(t, came(t, g), -15)
	if !g.Ended() {
		t.Error("the end has not come")
	}
}

// TestMarkersAgeLikeRecords lets a task that is never dry send one.
func TestMarkersAgeLikeRecords(t *testing.T) {
	o, g := alone(t)
	o.Mark(Marker{At: 10}, 0)
	o.Age(1, 5)
	same(t, came(t, g))
	o.Age(6, 5)
	same(t, came(t, g), -10)
}

// TestMarkersTakeNoCredit sends one where records would have to wait.
func TestMarkersTakeNoCredit(t *testing.T) {
	o, g := alone(t)
	c := o.channels[0]
	for c.hasCredit(64) {
		emit(o, 1, 2, 3, 4)
		o.Flush()
	}
	if !c.hasSlot() {
		t.Fatal("no slot is left")
	}
	before := c.State()
	o.Mark(Marker{At: 10}, 0)
	o.Flush()
	if after := c.State(); after != before {
		t.Errorf("a marker changes %+v into %+v", before, after)
	}
	if got := came(t, g); got[len(got)-1] != -10 {
		t.Errorf("got %v", got)
	}
}

// TestMarkersGetOutOfTheWay sets a marker aside with the records that it is
// behind, when a barrier has to get through.
func TestMarkersGetOutOfTheWay(t *testing.T) {
	o, g := alone(t)
	c := o.channels[0]
	n := 0
	for ; c.hasSlot() && c.hasCredit(64); n += 4 {
		emit(o, 1, 2, 3, 4)
		o.Flush()
	}
	emit(o, 5, 6, 7, 8)
	o.Mark(Marker{At: 10}, 0)
	o.Barrier(&event.Barrier{ID: 1})
	got := came(t, g)
	o.Settle()
	got = append(got, came(t, g)...)
	if len(got) != n+6 {
		t.Fatalf("got %v", got)
	}
	same(t, got[n:], 5, 6, 7, 8, -10, 1000)
}

// TestMarkersAreBounded drops those for which there is no room, and tells.
func TestMarkersAreBounded(t *testing.T) {
	o, g := alone(t)
	for i := range maxRiders + 3 {
		if ok := o.Mark(Marker{At: 1}, 0); ok != (i < maxRiders) {
			t.Errorf("marker %d: %v", i, ok)
		}
	}
	o.Flush()
	if got := came(t, g); len(got) != maxRiders {
		t.Errorf("%d came", len(got))
	}
}

// TestMarkersAreSpread sends each marker to one receiver, and about as many to
// each.
func TestMarkersAreSpread(t *testing.T) {
	outputs, gates, _ := mesh(1, 4, Config{Partition: event.Broadcast}, event.TypeOf[int64](), func(*Waker) Host { return stuck{} })
	const n = 4000
	total := 0
	count := make([]int, len(gates))
	for range n {
		outputs[0].Mark(Marker{At: 1}, 0)
		outputs[0].Flush()
		for i, g := range gates {
			k := len(came(t, g))
			count[i] += k
			total += k
		}
	}
	for _, k := range count {
		if k < n/5 || k > n*3/10 {
			t.Errorf("%v of %d", count, n)
		}
	}
	if total != n {
		t.Errorf("%d of %d markers came", total, n)
	}
}

// TestNoMarkerNoAllocation sends batches without one.
func TestNoMarkerNoAllocation(t *testing.T) {
	o, g := alone(t)
	b := event.NewRecords[int64](4)
	if n := testing.AllocsPerRun(1000, func() {
		b.Append(1, 0)
		o.Emit(b)
		o.Flush()
		if _, ok, err := g.Next(); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if err := g.Release(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for each batch", n)
	}
}
