package diagnosis

import (
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

// op describes what an operator did during one second, as shares of it.
type op struct {
	name, kind    string
	chain         int
	busy, blocked float64   // of its task
	own           []float64 // per subtask; busy of one subtask when empty
	external      float64   // part of busy, all subtasks alike
	throttled     int64
	in, out       int64     // records
	lag           []float64 // before and after
	outside       string

	// For stories only.
	salt, fold   bool // Saltable, Foldable
	bounded      bool
	state        float64   // of own
	splits       []int64   // of each subtask
	inputs       []float64 // part of in that each subtask gets
	calls, limit int64     // of each subtask
	asked        int64     // calls a second
	lagAt        func(second int) float64
}

// edge is an arrow from one operator to another by index, with the share of
// time that its senders are blocked on it.
type edge struct {
	from, to int
	blocked  float64

	// For stories only.
	kind  string    // by default hash, or chained
	waits []float64 // part of blocked that each receiving subtask causes
	keys  []metric.HotKey
}

// second returns the rates of a second in which the operators did that, and
// the snapshot at its end. All counters start from arbitrary values.
func second(ops []op, edges ...edge) (metric.Rates, *metric.Job) {
	at := time.Unix(1_700_000_000, 0)
	a := &metric.Job{Name: "test", State: "running", Started: at.Add(-time.Minute), At: at}
	b := &metric.Job{Name: "test", State: "running", Started: a.Started, At: at.Add(time.Second)}
	share := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	for i, o := range ops {
		own := o.own
		if own == nil {
			own = []float64{o.busy}
		}
		before := metric.Operator{
			ID: 10 + i, Name: o.name, Kind: o.kind, Chain: o.chain, Parallelism: len(own), Outside: o.outside,
			Subtasks: make([]metric.Subtask, len(own)),
		}
		after := before
		after.Subtasks = make([]metric.Subtask, len(own))
		for j := range own {
			s := metric.Subtask{
				RecordsIn: 1000, RecordsOut: 500, Wall: time.Minute, Idle: time.Minute,
				Counters: map[string]int64{"throttled": 3},
			}
			if o.lag != nil {
				s.Gauges = []metric.Gauge{{Name: "lag", Value: o.lag[0] / float64(len(own))}}
			}
			before.Subtasks[j] = s
			busy := o.busy
			if o.own != nil {
				busy = max(own[j], o.busy)
			}
			s.RecordsIn += o.in / int64(len(own))
			s.RecordsOut += o.out / int64(len(own))
			s.Wall += time.Second
			s.Busy += share(busy)
			s.Blocked += share(o.blocked)
			s.Idle += share(1 - busy - o.blocked)
			s.External += share(o.external)
			s.Own += share(own[j])
			s.Counters = map[string]int64{"throttled": 3 + o.throttled}
			if o.lag != nil {
				s.Gauges = []metric.Gauge{{Name: "lag", Value: o.lag[1] / float64(len(own))}}
			}
			after.Subtasks[j] = s
		}
		a.Operators = append(a.Operators, before)
		b.Operators = append(b.Operators, after)
	}
	for _, e := range edges {
		kind := "hash"
		if ops[e.from].chain == ops[e.to].chain {
			kind = "chained"
		}
		arrow := metric.Edge{From: 10 + e.from, To: 10 + e.to, Kind: kind, Blocked: 7 * time.Second}
		a.Edges = append(a.Edges, arrow)
		arrow.Blocked += share(e.blocked * float64(len(b.Operators[e.from].Subtasks)))
		b.Edges = append(b.Edges, arrow)
	}
	return metric.Between(a, b), b
}
