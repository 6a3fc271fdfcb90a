package operatortest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
)

// summing numbers the records of each key in the order of event time, and adds
// them up: a record waits for the watermark in a list.
type summing struct {
	waiting *state.Map[int64, int]
	sum     *state.Value[int]
}

func (f *summing) Open(s *transform.Scope[string, string]) error {
	f.waiting = state.NewMap[int64, int](s.Store(), "waiting")
	f.sum = state.NewValue[int](s.Store(), "sum")
	return nil
}

func (f *summing) Process(s *transform.Scope[string, string], v *int) error {
	boom(*v)
	if *v%19 == 4 {
		return errors.New("refused")
	}
	*f.waiting.Upsert(int64(s.Time())) += *v
	s.SetTimer(transform.EventTimer, s.Time())
	return nil
}

func (f *summing) OnTimer(s *transform.Scope[string, string], at event.Time, _ transform.TimerKind) error {
	v, ok := f.waiting.Get(int64(at))
	if !ok {
		return fmt.Errorf("nothing waits at %v", at)
	}
	f.waiting.Delete(int64(at))
	sum := f.sum.Upsert()
	*sum += v
	for range v % 3 {
		s.Emit(fmt.Sprint(s.Key(), " ", *sum))
	}
	return nil
}

func keyOf(v *int) string { return fmt.Sprint("key ", *v%5) }

func TestProcess(t *testing.T) { testProcess(t, transform.InMemory(memory.NewBackend[string])) }

func testProcess(t *testing.T, backend transform.Backends[string]) {
	in := integers()
	var want []Row[string]
	refused := 0
	sums, last := map[string]int{}, map[string]event.Time{}
	for _, r := range sortedByTime(in) {
		if bad(r.Value) || r.Value%19 == 4 {
			refused++
			continue
		}
		k := keyOf(&r.Value)
		if t, ok := last[k]; ok && t == r.Time {
			panic("two records of one key and time")
		}
		last[k] = r.Time
		sums[k] += r.Value
		for range r.Value % 3 {
			want = append(want, Row[string]{fmt.Sprint(k, " ", sums[k]), r.Time})
		}
	}
	Test(t, Harness[int, string]{
		Input: in, Want: [][]Row[string]{want}, Policy: operator.Skip, Refused: refused,
		Hash: func(v *int) uint64 { return event.HashString(keyOf(v)) },
		New: func() operator.Operator {
			return transform.NewProcess[string, int, string](keyOf, &summing{}, backend, nil)
		},
	})
}

// sortedByTime is a copy in the order of event times.
func sortedByTime(in []Row[int]) []Row[int] {
	out := append([]Row[int]{}, in...)
	for i := range out {
		for j := i; j > 0 && out[j].Time < out[j-1].Time; j-- {
			out[j], out[j-1] = out[j-1], out[j]
		}
	}
	return out
}
