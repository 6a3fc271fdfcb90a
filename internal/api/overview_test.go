package api

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/metric"
)

func TestOverview(t *testing.T) {
	golden(t, routes(sampledTo(after), nil), "/api/v1/overview", "overview.json")
}

func TestOperator(t *testing.T) {
	golden(t, routes(sampledTo(after), nil), "/api/v1/operators/3", "operator.json")
}

func TestOperatorsThatAreNot(t *testing.T) {
	h := routes(sampledTo(after), nil)
	for path, want := range map[string]int{
		"/api/v1/operators/5": 404, "/api/v1/operators/-1": 404, "/api/v1/operators/x": 400, "/api/v1/operators/1e3": 400,
		"/api/v1/operators/99999999999999999999": 400, "/api/v1/operators/": 404, "/api/v1/operators/1/2": 404, "/api/v1/operators/1": 200,
	} {
		if status, body := get(t, h, path); status != want {
			t.Errorf("%s: %d %s, want %d", path, status, body, want)
		}
	}
	none := routes(metric.NewSampler(func() *metric.Job { return nil }), nil)
	for _, path := range []string{"/api/v1/operators/1", "/api/v1/overview", "/api/v1/diagnosis"} {
		if status, _ := get(t, none, path); status != 503 {
			t.Errorf("%s of a job that has not started: %d", path, status)
		}
	}
}

// TestOverviewOfHostileNames is JSON, whatever connectors report.
func TestOverviewOfHostileNames(t *testing.T) {
	h := routes(sampledTo(hostile), nil)
	for _, path := range []string{"/api/v1/overview", "/api/v1/operators/1", "/api/v1/diagnosis", "/api/v1/history"} {
		status, body := get(t, h, path)
		if status != 200 || !json.Valid([]byte(body)) {
			t.Errorf("%s: %d %s", path, status, body)
		}
		if strings.ContainsAny(strings.TrimSuffix(body, "\n"), "\r\n") {
			t.Errorf("%s has a line break, which ends an event", path)
		}
	}
}

// TestOverviewDoesNotGrowWithSubtasks holds the size of what is sent each second.
func TestOverviewDoesNotGrowWithSubtasks(t *testing.T) {
	of := func(subtasks int) int {
		_, body := get(t, routes(sampledTo(wide(20, subtasks)), nil), "/api/v1/overview")
		return len(body)
	}
	one, many := of(1), of(64)
	if many > one+20*60 { // numbers have more digits
		t.Errorf("%d bytes at one subtask, %d at 64", one, many)
	}
}

// TestPressureStarts is drawn where the receiver is not held up itself.
func TestPressureStarts(t *testing.T) {
	for _, c := range []struct {
		name                string
		edge, busy, blocked float64
		want                bool
	}{
		{"no pressure", 0.05, 0.9, 0, false},
		{"a busy receiver", 0.8, 0.99, 0.01, true},
		{"a receiver that is merely blocked", 0.8, 0.1, 0.9, false},
		{"a receiver that works most of the time", 0.8, 0.8, 0.2, true},
		{"a receiver that is blocked most of the time", 0.8, 0.4, 0.6, false},
	} {
		r := metric.Rates{
			Operators: []metric.OperatorRate{{Operator: metric.Operator{ID: 1}}, {Operator: metric.Operator{ID: 2}, Busy: c.busy, Blocked: c.blocked}},
			Edges:     []metric.EdgeRate{{Edge: metric.Edge{From: 1, To: 2}, Blocked: c.edge}},
		}
		if got := arrowsOf(&r).now(&r.Edges[0]).PressureStarts; got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestRecordsOfArrows are known where one end has no other arrow.
func TestRecordsOfArrows(t *testing.T) {
	operator := func(id int, in, out float64) metric.OperatorRate {
		return metric.OperatorRate{Operator: metric.Operator{ID: id}, In: in, Out: out}
	}
	edge := func(from, to int) metric.EdgeRate { return metric.EdgeRate{Edge: metric.Edge{From: from, To: to}} }
	r := metric.Rates{ // 1 -> 3, 2 -> 3; 3 -> 4; 2 -> 4
		Operators: []metric.OperatorRate{operator(1, 0, 10), operator(2, 0, 20), operator(3, 25, 24), operator(4, 44, 0)},
		Edges:     []metric.EdgeRate{edge(1, 3), edge(2, 3), edge(3, 4), edge(2, 4), edge(9, 8)},
	}
	want := []float64{10, -1, 24, -1, -1}
	a := arrowsOf(&r)
	for i := range r.Edges {
		got := a.now(&r.Edges[i]).RecordsPerSecond
		if (got == nil) != (want[i] < 0) || got != nil && *got != want[i] {
			t.Errorf("arrow %d: %v, want %v", i, got, want[i])
		}
	}
}

func TestWatermarkDelay(t *testing.T) {
	at := began
	mark := func(of ...event.Time) []metric.Subtask {
		var s []metric.Subtask
		for _, w := range of {
			s = append(s, metric.Subtask{Watermark: w})
		}
		return s
	}
	ago := func(d time.Duration) event.Time { return event.At(at.Add(-d)) }
	for _, c := range []struct {
		subtasks []metric.Subtask
		want     float64
	}{
		{mark(ago(4*time.Second), ago(9*time.Second)), 9},
		{mark(ago(4*time.Second), event.MaxTime), 4},
		{mark(ago(-time.Second)), -1},
		{mark(event.MinTime + 1), float64(at.Unix()) + math.MaxInt64/1e9},
	} {
		if got := watermarkDelay(c.subtasks, at); got == nil || math.Abs(*got-c.want) > 1e-3*math.Abs(c.want) {
			t.Errorf("%v: %v, want %v", c.subtasks[0].Watermark, got, c.want)
		}
	}
	for _, s := range [][]metric.Subtask{nil, mark(event.MinTime), mark(ago(0), event.MinTime), mark(event.MaxTime)} {
		if got := watermarkDelay(s, at); got != nil {
			t.Errorf("%v s, want unknown", *got)
		}
	}
}

// wide is a job of a row of operators with so many subtasks, the arrows between
// them each to each.
func wide(operators, subtasks int) func(int) *metric.Job {
	return func(seconds int) *metric.Job {
		j := after(seconds)
		part := j.Operators[2].Subtasks[0]
		j.Operators, j.Edges = nil, nil
		for i := range operators {
			o := metric.Operator{ID: i, Name: "operator " + itoa(i), Kind: "map", Chain: i, Parallelism: subtasks}
			for range subtasks {
				o.Subtasks = append(o.Subtasks, part)
			}
			j.Operators = append(j.Operators, o)
			if i == 0 {
				continue
			}
			e := metric.Edge{From: i - 1, To: i, Kind: "hash", HotKeys: after(seconds).Edges[2].HotKeys}
			for c := range subtasks * subtasks {
				e.Channels = append(e.Channels, metric.Channel{FromSubtask: c / subtasks, ToSubtask: c % subtasks, InFlight: 1, Sent: int64(seconds)})
			}
			j.Edges = append(j.Edges, e)
		}
		return summed(j)
	}
}
