package api

import (
	"math"
	"net/http"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/metric"
)

// overviewView is the answer of /api/v1/overview, and the data of each event of
// /api/v1/stream. Its size depends on operators and arrows, not on subtasks.
// What is unknown is null.
type overviewView struct {
	At          time.Time           `json:"at"`
	Job         aboutView           `json:"job"`
	Health      reportView          `json:"health"`
	Memory      memoryView          `json:"memory"`
	Operators   []operatorNowView   `json:"operators"`
	Edges       []edgeNowView       `json:"edges"`
	Latencies   []latencyView       `json:"latencies"`
	Checkpoints *metric.Checkpoints `json:"checkpoints"` // null of a job that takes none
	DeadLetters int64               `json:"dead_letters"`
}

type aboutView struct {
	Name          string    `json:"name"`
	State         string    `json:"state"`
	Error         string    `json:"error,omitempty"`
	Started       time.Time `json:"started"`
	UptimeSeconds float64   `json:"uptime_seconds"`
	Restarts      int       `json:"restarts"`
}

// memoryView has what the job holds, and what its process uses.
type memoryView struct {
	InFlightBytes     int64    `json:"in_flight_bytes"`
	BoundBytes        int64    `json:"in_flight_bound_bytes"`
	PeakInFlightBytes int64    `json:"peak_in_flight_bytes"`
	HeapBytes         *int64   `json:"heap_bytes"`
	LimitBytes        *int64   `json:"limit_bytes"` // null without a limit
	GCShare           *float64 `json:"gc_share"`    // of the processors in use
	CPU               *float64 `json:"cpu"`         // processors in use
	Processors        int      `json:"processors"`
}

// workView is what was done in the last second or so: records per second, and
// shares of wall time from 0 to 1.
type workView struct {
	In       float64 `json:"in"`
	Out      float64 `json:"out"`
	Busy     float64 `json:"busy"`
	Idle     float64 `json:"idle"`
	Blocked  float64 `json:"blocked"`
	External float64 `json:"external"`
	Own      float64 `json:"own"`
}

// operatorNowView is an operator over all of its subtasks: sums of rates, means of
// shares.
type operatorNowView struct {
	ID          int    `json:"id"`
	Name        string `json:"name"`
	Kind        string `json:"kind"`
	Chain       int    `json:"chain"`
	Parallelism int    `json:"parallelism"`
	Outside     string `json:"outside"`
	workView
	MaxOwn         float64      `json:"max_own"`
	Hottest        int          `json:"hottest"`
	Level          metric.Level `json:"level"`
	Lag            *float64     `json:"lag"`
	LagGrowth      *float64     `json:"lag_growth"` // per second
	WatermarkDelay *float64     `json:"watermark_delay_seconds"`
	Late           int64        `json:"late"`
	DeadLettered   int64        `json:"dead_lettered"`
	Skipped        int64        `json:"skipped"`
	StateBytes     *float64     `json:"state_bytes"`
	Finished       bool         `json:"finished"`
}

type edgeNowView struct {
	From             int      `json:"from"`
	To               int      `json:"to"`
	Kind             string   `json:"kind"`
	RecordsPerSecond *float64 `json:"records_per_second"` // null where neither end has this arrow alone
	BytesPerSecond   *float64 `json:"bytes_per_second"`   // null inside of a chain
	Blocked          float64  `json:"blocked"`
	InFlightBytes    int64    `json:"in_flight_bytes"`
	WindowBytes      int64    `json:"window_bytes"`
	BoundBytes       int64    `json:"bound_bytes"`
	// PressureStarts tells that senders wait here for a receiver that is not
	// itself held up by those after it.
	PressureStarts bool            `json:"pressure_starts"`
	HotKeys        []metric.HotKey `json:"hot_keys,omitempty"`
}

type latencyView struct {
	From  int     `json:"from"` // -1 of event time
	To    int     `json:"to"`
	Kind  string  `json:"kind"`
	Count int64   `json:"count"`
	P50   float64 `json:"p50_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p999_ms"`
	Max   float64 `json:"max_ms"`
}

func overviewOf(s *sight) *overviewView {
	j := s.job
	v := &overviewView{
		At:     j.At,
		Job:    aboutView{Name: j.Name, State: j.State, Error: s.failure, Started: j.Started, Restarts: j.Restarts},
		Health: reportOf(s.report),
		Memory: memoryOf(s),
		// Empty, not null.
		Operators: make([]operatorNowView, 0, len(j.Operators)),
		Edges:     make([]edgeNowView, 0, len(j.Edges)),
		Latencies: make([]latencyView, 0, len(j.Latencies)),

		Checkpoints: j.Checkpoints,
	}
	if !j.Started.IsZero() {
		v.Job.UptimeSeconds = short(j.At.Sub(j.Started).Seconds())
	}
	for i := range s.rates.Operators {
		o := operatorNow(&s.rates.Operators[i], j.At)
		v.DeadLetters += o.DeadLettered
		v.Operators = append(v.Operators, o)
	}
	arrows := arrowsOf(&s.rates)
	for i := range s.rates.Edges {
		v.Edges = append(v.Edges, arrows.now(&s.rates.Edges[i]))
	}
	for _, l := range j.Latencies {
		v.Latencies = append(v.Latencies, latencyView{l.From, l.To, l.Kind, l.Count, millis(l.P50), millis(l.P99), millis(l.P999), millis(l.Max)})
	}
	return v
}

// short leaves four decimals: nobody looks at more, and half of each answer would
// be digits.
func short(v float64) float64 {
	if math.Abs(v) > 1e11 {
		return v
	}
	return math.Round(v*1e4) / 1e4
}

func shortly(v float64) *float64 {
	v = short(v)
	return &v
}

func millis(d time.Duration) float64 { return short(float64(d) / float64(time.Millisecond)) }

func memoryOf(s *sight) memoryView {
	j := s.job
	m := memoryView{InFlightBytes: j.InFlightBytes, BoundBytes: j.BoundBytes, PeakInFlightBytes: j.PeakInFlightBytes, Processors: j.Process.Processors}
	if j.Process.HeapBytes > 0 {
		m.HeapBytes = &j.Process.HeapBytes
	}
	if j.Process.LimitBytes > 0 {
		m.LimitBytes = &j.Process.LimitBytes
	}
	if s.rates.CPU > 0 {
		m.CPU, m.GCShare = shortly(s.rates.CPU), shortly(s.rates.GC)
	}
	return m
}

func operatorNow(r *metric.OperatorRate, at time.Time) operatorNowView {
	o := &r.Operator
	v := operatorNowView{
		ID: o.ID, Name: o.Name, Kind: o.Kind, Chain: o.Chain, Parallelism: o.Parallelism, Outside: o.Outside,
		workView: workView{In: short(r.In), Out: short(r.Out), Busy: short(r.Busy), Idle: short(r.Idle), Blocked: short(r.Blocked),
			External: short(r.External), Own: short(r.Own)},
		MaxOwn: short(r.MaxOwn), Hottest: r.Hottest, Level: r.Level,
		WatermarkDelay: watermarkDelay(o.Subtasks, at),
		Finished:       len(o.Subtasks) > 0,
	}
	if r.Lag >= 0 && finite(r.Lag) && finite(r.LagGrowth) {
		v.Lag, v.LagGrowth = shortly(r.Lag), shortly(r.LagGrowth)
	}
	for i := range o.Subtasks {
		t := &o.Subtasks[i]
		v.Late += t.Late
		v.DeadLettered += t.DeadLettered
		v.Skipped += t.Skipped
		v.Finished = v.Finished && t.State == "finished"
		v.StateBytes = add(v.StateBytes, gauge(t, stateBytes))
	}
	return v
}

// stateBytes is the gauge of operators with keyed state.
const stateBytes = "state_bytes"

// gauge sums the gauges of a name, nil if there are none, or none that is a
// number.
func gauge(s *metric.Subtask, name string) (sum *float64) {
	for i := range s.Gauges {
		if g := &s.Gauges[i]; g.Name == name && finite(g.Value) {
			sum = add(sum, &g.Value)
		}
	}
	return sum
}

// add sums two numbers of which either may be unknown.
func add(a, b *float64) *float64 {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	sum := *a + *b
	if !finite(sum) {
		return a
	}
	return &sum
}

// watermarkDelay is how far the watermark of subtasks is behind the clock, in
// seconds: unknown before the first one and after the end.
func watermarkDelay(subtasks []metric.Subtask, at time.Time) *float64 {
	var w metric.Watermarks
	for i := range subtasks {
		w.Add(&subtasks[i])
	}
	mark, known := w.Merged()
	if !known || mark == event.MinTime || mark == event.MaxTime {
		return nil
	}
	// In floating point: the difference may be more than an integer holds.
	delay := (float64(at.UnixNano()) - float64(mark)) / float64(time.Second)
	return shortly(delay)
}

// arrows are the arrows of a job by the operators at their ends.
type arrows struct {
	operators map[int]*metric.OperatorRate
	in, out   map[int]int // how many arrows an operator has
}

func arrowsOf(r *metric.Rates) *arrows {
	a := &arrows{operators: make(map[int]*metric.OperatorRate, len(r.Operators)), in: map[int]int{}, out: map[int]int{}}
	for i := range r.Operators {
		a.operators[r.Operators[i].Operator.ID] = &r.Operators[i]
	}
	for i := range r.Edges {
		a.out[r.Edges[i].Edge.From]++
		a.in[r.Edges[i].Edge.To]++
	}
	return a
}

// pressing is the share of time blocked from which there is pressure: the upper
// end of level OK.
const pressing = 0.10

func (a *arrows) now(e *metric.EdgeRate) edgeNowView {
	v := edgeNowView{From: e.Edge.From, To: e.Edge.To, Kind: e.Edge.Kind, Blocked: short(e.Blocked),
		InFlightBytes: e.InFlight, WindowBytes: e.Window, BoundBytes: e.Bound, HotKeys: e.Edge.HotKeys}
	from, to := a.operators[v.From], a.operators[v.To]
	switch {
	case to != nil && a.in[v.To] == 1:
		v.RecordsPerSecond = shortly(to.In)
	case from != nil && a.out[v.From] == 1:
		v.RecordsPerSecond = shortly(from.Out)
	}
	if len(e.Edge.Channels) > 0 {
		v.BytesPerSecond = shortly(e.Bytes)
	}
	// A receiver that works for more than twice the time that it is blocked would
	// press its senders by itself.
	v.PressureStarts = e.Blocked > pressing && to != nil && (to.Blocked <= pressing || to.Busy > 2*to.Blocked)
	return v
}

func (f *feed) serveOverview(w http.ResponseWriter, _ *http.Request) {
	s := f.look()
	switch {
	case s.job == nil:
		notStarted(w)
		return
	case s.text == nil:
		http.Error(w, "cannot write the answer: "+s.err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(s.text[:len(s.text):len(s.text)], '\n'))
}
