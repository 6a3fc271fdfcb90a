package memory_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/connectortest"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/event"
)

type item struct {
	N    int
	Text string
}

func items(n int) []item {
	all := make([]item, n)
	for k := range all {
		all[k] = item{k, fmt.Sprint("item ", k)}
	}
	return all
}

func TestSource(t *testing.T) {
	connectortest.TestSource(t, connectortest.Source[item]{
		New: func(_ testing.TB, n int) connector.Source[item] { return memory.Source(items(n)) },
		Key: func(v *item) int { return v.N },

		Positioned: true,
	})
}

func TestSink(t *testing.T) {
	connectortest.TestSink(t, connectortest.Sink[item]{
		New: func(testing.TB) (connector.Sink[item], func(testing.TB) []item) {
			c := memory.Sink[item]()
			return c, func(testing.TB) []item { return c.Values() }
		},
		Record: func(k int) item { return item{k, "text"} },
		Key:    func(v *item) int { return v.N },
	})
}

func TestDealsOut(t *testing.T) {
	src := memory.Source([]string{"a", "b", "c", "d", "e"})
	want := [][]string{{"a", "d"}, {"b", "e"}, {"c"}}
	for i := range want {
		r, err := src.Open(t.Context(), connector.Subtask{Index: i, Parallelism: len(want)})
		if err != nil {
			t.Fatal(err)
		}
		b := event.NewRecords[string](8)
		status, err := r.Poll(b, connector.Limit{Records: 8, Bytes: 1 << 10})
		if err != nil || status.State != connector.Done || !slices.Equal(b.Values, want[i]) {
			t.Errorf("subtask %d: got %q, state %v, %v; want %q", i, b.Values, status.State, err, want[i])
		}
		done, total := r.(connector.Progress).Progress()
		if n := int64(len(want[i])); done != n || total != n {
			t.Errorf("subtask %d: progress %d of %d, want %d of %d", i, done, total, n, n)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
