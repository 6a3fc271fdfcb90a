package metric

import "time"

// Level is the pressure on an operator, by the share of time that its task
// was blocked: OK up to 10 %, LOW up to 50 %, HIGH above (the levels of
// Flink's web page).
type Level string

// The levels, from no pressure to much.
const (
	OK   Level = "OK"
	Low  Level = "LOW"
	High Level = "HIGH"
)

// LevelOf returns the level for a share of blocked time from 0 to 1.
func LevelOf(blocked float64) Level {
	switch {
	case blocked <= 0.10:
		return OK
	case blocked <= 0.50:
		return Low
	}
	return High
}

// OperatorRate is what one operator did between two snapshots. Shares are of
// wall time, from 0 to 1, means over subtasks.
type OperatorRate struct {
	Operator Operator
	// In and Out are records per second, summed over subtasks.
	In, Out           float64
	BytesIn, BytesOut float64
	// Busy, Idle and Blocked sum to 1; External is a part of Busy, Own the
	// operator's own part of the busy time of its chain.
	Busy, Idle, Blocked, External, Own float64
	// MaxOwn is Own of the busiest subtask, whose index is Hottest.
	MaxOwn  float64
	Hottest int
	Level   Level
	// CounterRates are the operator's own counters, per second.
	CounterRates map[string]float64
	// Lag is the sum of the gauges named "lag", -1 if there are none.
	Lag float64
	// LagGrowth is the change of Lag, records per second; 0 while unknown. A
	// Sampler computes it over TrendInterval.
	LagGrowth float64
}

// EdgeRate is what one arrow did between two snapshots.
type EdgeRate struct {
	Edge Edge
	// Blocked is the share of time that its senders were blocked on it, mean
	// over sending subtasks.
	Blocked float64
	// Bytes were sent per second over its channels.
	Bytes float64
	// InFlight, Window and Bound sum the channels.
	InFlight, Window, Bound int64
}

// Rates is what a job did between two snapshots.
type Rates struct {
	Interval  time.Duration
	Operators []OperatorRate
	Edges     []EdgeRate
	// CPU is how many processors the process used, and GC the part of these that
	// collecting garbage took, from 0 to 1.
	CPU, GC float64
}

// Between computes rates from two snapshots of the same job, a before b.
// Snapshots without time between them give rates of zero.
func Between(a, b *Job) Rates {
	r := Rates{Interval: b.At.Sub(a.At), Operators: make([]OperatorRate, 0, len(b.Operators)), Edges: make([]EdgeRate, 0, len(b.Edges))}
	secs := r.Interval.Seconds()
	per := func(d int64) float64 {
		if secs <= 0 {
			return 0
		}
		return float64(d) / secs
	}
	if used := b.Process.CPU - a.Process.CPU; used > 0 {
		r.CPU = per(int64(used)) / float64(time.Second)
		r.GC = min(max(0, float64(b.Process.GC-a.Process.GC)/float64(used)), 1)
	}
	for i := range b.Operators {
		o := OperatorRate{Operator: b.Operators[i], Lag: -1}
		subs := b.Operators[i].Subtasks
		for j := range subs {
			var p Subtask
			if i < len(a.Operators) && j < len(a.Operators[i].Subtasks) {
				p = a.Operators[i].Subtasks[j]
			}
			o.add(&p, &subs[j], j, len(subs), per)
		}
		o.Level = LevelOf(o.Blocked)
		r.Operators = append(r.Operators, o)
	}
	for i := range b.Edges {
		e := EdgeRate{Edge: b.Edges[i]}
		var before time.Duration
		if i < len(a.Edges) {
			before = a.Edges[i].Blocked
		}
		senders := max(1, len(b.Operators[opIndex(b, e.Edge.From)].Subtasks))
		if r.Interval > 0 {
			e.Blocked = min(1, float64(e.Edge.Blocked-before)/float64(r.Interval)/float64(senders))
		}
		sum := e.Edge.Totals()
		e.InFlight, e.Window, e.Bound = sum.InFlight, sum.Window, sum.Bound
		if i < len(a.Edges) && len(a.Edges[i].Channels) == len(e.Edge.Channels) {
			sum.Sent -= a.Edges[i].Totals().Sent
		}
		e.Bytes = per(sum.Sent)
		r.Edges = append(r.Edges, e)
	}
	return r
}

func opIndex(j *Job, id int) int {
	for i := range j.Operators {
		if j.Operators[i].ID == id {
			return i
		}
	}
	return 0
}

func (o *OperatorRate) add(a, b *Subtask, index, of int, per func(int64) float64) {
	o.In += per(b.RecordsIn - a.RecordsIn)
	o.Out += per(b.RecordsOut - a.RecordsOut)
	o.BytesIn += per(b.BytesIn - a.BytesIn)
	o.BytesOut += per(b.BytesOut - a.BytesOut)
	if wall := float64(b.Wall - a.Wall); wall > 0 {
		share := func(d time.Duration) float64 { return float64(d) / wall }
		o.Busy += share(b.Busy-a.Busy) / float64(of)
		o.Idle += share(b.Idle-a.Idle) / float64(of)
		o.Blocked += share(b.Blocked-a.Blocked) / float64(of)
		o.External += share(b.External-a.External) / float64(of)
		own := share(b.Own - a.Own)
		o.Own += own / float64(of)
		if own > o.MaxOwn {
			o.MaxOwn, o.Hottest = own, index
		}
	} else {
		o.Idle += 1 / float64(of)
	}
	for name, v := range b.Counters {
		if o.CounterRates == nil {
			o.CounterRates = map[string]float64{}
		}
		o.CounterRates[name] += per(v - a.Counters[name])
	}
	if lag := lagOf(b); lag >= 0 {
		o.Lag = max(o.Lag, 0) + lag
		if before := lagOf(a); before >= 0 {
			o.LagGrowth += per(1) * (lag - before)
		}
	}
}

// lagOf sums the gauges named "lag", -1 if there are none.
func lagOf(s *Subtask) float64 {
	lag := -1.0
	for _, g := range s.Gauges {
		if g.Name == "lag" {
			lag = max(lag, 0) + g.Value
		}
	}
	return lag
}
