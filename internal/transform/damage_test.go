package transform_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/state/statetest"
	"github.com/affluxdev/afflux/window"
)

// Damage that checksums do not show is an error or some state, never a panic,
// and allocates no more than there is.
func TestDamagedSnapshots(t *testing.T) {
	remind := func(v *string) string { return (*v)[1:] }
	for name, make := range map[string]func() operator.Operator{
		"process": func() operator.Operator {
			return transform.NewProcess[string, string, int64](remind, &reminder{}, transform.InMemory(memory.NewBackend[string]), nil)
		},
		"session": func() operator.Operator {
			return transform.NewSession(window.Session(time.Hour), window.Firing{Early: time.Second}, remind, texts,
				func(string, window.Window, window.Timing, *string, func(int)) error { return nil }, transform.InTables(memory.NewTables[string, transform.Activity[string]]))
		},
		"window": func() operator.Operator {
			return transform.NewWindow(window.Sliding(20, 10), remind, texts, transform.EachResult(func(string, window.Window, *string) int { return 0 }), transform.InTables(memory.NewTables[string, string]))
		},
		"async": func() operator.Operator {
			return transform.NewAsync(transform.AsyncConfig{InFlight: 100}, func(context.Context, *string) (int, error) { return 0, nil })
		},
		"combine": func() operator.Operator {
			return transform.NewCombine(window.Sliding(20, 10), remind, func(b event.Batch) { b.KeyHashes() }, texts, memory.NewTable[string, transform.Part[string]], true)
		},
	} {
		t.Run(name, func(t *testing.T) {
			op := make()
			if err := op.Open(&bench{now: time.Unix(1000, 0)}); err != nil {
				t.Fatal(err)
			}
			b := event.NewRecords[string](1)
			for i := range 40 {
				v := fmt.Sprint("e", i)
				b.Append(v, event.Time(i))
				b.Hashes = append(b.Hashes, event.HashString(remind(&v)))
			}
			if err := op.Process(b); err != nil {
				t.Fatal(err)
			}
			kept := snapshot(t, op)
			refused, rng := 0, rand.New(rand.NewPCG(1, 2))
			for range 1000 {
				if restoreDamaged(t, make(), kept.Copy(), rng) != nil {
					refused++
				}
			}
			if refused < 100 {
				t.Errorf("%d of 1000 damages are refused", refused)
			}
		})
	}
}

// texts puts records of a key one behind the other.
var texts = transform.Fold[string, string]{
	Add:         func(a, v *string) { *a += *v },
	Merge:       func(into, from *string) { *into += *from },
	Commutative: true,
}

func restoreDamaged(t *testing.T, op operator.Operator, damaged *statetest.Kept, rng *rand.Rand) error {
	pieces := damaged.Pieces()
	p := pieces[rng.IntN(len(pieces))]
	if at := rng.IntN(len(p.Data)); rng.IntN(3) == 0 {
		p.Data = p.Data[:at]
	} else {
		p.Data[at] ^= 1 << rng.IntN(8)
	}
	if err := op.Open(&bench{now: time.Unix(1000, 0)}); err != nil {
		t.Fatal(err)
	}
	return op.(operator.Stateful).Restore(statetest.Restored{Parallelism: 1, From: []*statetest.Kept{damaged}})
}
