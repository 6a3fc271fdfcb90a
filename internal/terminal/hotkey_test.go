package terminal

import (
	"strings"
	"testing"

	"github.com/affluxdev/afflux/internal/metric"
)

func TestHotKeyIsShown(t *testing.T) {
	job := &metric.Job{
		Name: "clicks", State: "running",
		Operators: []metric.Operator{{ID: 0, Name: "source", Parallelism: 2}, {ID: 1, Name: "count", Parallelism: 4}, {ID: 2, Name: "all", Parallelism: 1}},
		Edges: []metric.Edge{
			{From: 0, To: 1, HotKeys: []metric.HotKey{{Key: "a\x1b[31mb", Share: 0.45, Error: 0.02}, {Key: "c", Share: 0.1, Error: 0.02}}},
			{From: 1, To: 2, HotKeys: []metric.HotKey{{Key: "one subtask anyway", Share: 1}}},
		},
	}
	const want = `hot key: 45 % of the records to count have "a\x1b[31mb"`
	shown := func() string { return Render(job, metric.Between(job, job), nil, 80, 24, false) }
	if got := shown(); !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwant %s", got, want)
	}
	for _, k := range []metric.HotKey{{Key: "cool", Share: 0.15, Error: 0.01}, {Key: "unsure", Share: 0.3, Error: 0.2}} {
		job.Edges[0].HotKeys = []metric.HotKey{k}
		if got := shown(); strings.Contains(got, "hot key") {
			t.Errorf("%+v is shown:\n%s", k, got)
		}
	}
}
