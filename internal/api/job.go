package api

import (
	"encoding/json"
	"math"
	"net/http"
	"time"

	"github.com/affluxdev/afflux/internal/diagnosis"
	"github.com/affluxdev/afflux/internal/metric"
)

// jobView is the answer of /api/v1/job.
type jobView struct {
	Name          string    `json:"name"`
	State         string    `json:"state"`
	Error         string    `json:"error,omitempty"`
	Started       time.Time `json:"started"`
	At            time.Time `json:"at"`
	UptimeSeconds float64   `json:"uptime_seconds"`
	Restarts      int       `json:"restarts"`
	// Checkpoints are absent from a job that takes none.
	Checkpoints       *metric.Checkpoints `json:"checkpoints,omitempty"`
	InFlightBytes     int64               `json:"in_flight_bytes"`
	BoundBytes        int64               `json:"in_flight_bound_bytes"`
	PeakInFlightBytes int64               `json:"peak_in_flight_bytes"`
	Graph             graphView           `json:"graph"`
	Rates             rateView            `json:"rates"`
	// Accounts are the counters and times of each subtask since the start.
	Accounts []accountView `json:"accounts"`
	// Channels are the edges that have channels.
	Channels []channelView `json:"channels"`
	// Bottleneck is that of the diagnosis of the last sample, null when there is
	// none.
	Bottleneck *diagnosis.Finding `json:"bottleneck"`
}

type graphView struct {
	Operators []operatorView `json:"operators"`
	Edges     []edgeView     `json:"edges"`
}

type operatorView struct {
	ID          int    `json:"id"`
	Name        string `json:"name"`
	Kind        string `json:"kind"`
	Chain       int    `json:"chain"`
	Parallelism int    `json:"parallelism"`
	Outside     string `json:"outside,omitempty"`
}

type edgeView struct {
	From int    `json:"from"`
	To   int    `json:"to"`
	Kind string `json:"kind"`
}

// rateView has what happened in the last second or so; shares are from 0 to 1.
type rateView struct {
	IntervalSeconds float64            `json:"interval_seconds"`
	Operators       []operatorRateView `json:"operators"`
	Edges           []edgeRateView     `json:"edges"`
}

type operatorRateView struct {
	ID       int                `json:"id"`
	Name     string             `json:"name"`
	In       float64            `json:"records_in_per_second"`
	Out      float64            `json:"records_out_per_second"`
	BytesIn  float64            `json:"bytes_in_per_second"`
	BytesOut float64            `json:"bytes_out_per_second"`
	Busy     float64            `json:"busy"`
	Idle     float64            `json:"idle"`
	Blocked  float64            `json:"blocked"`
	External float64            `json:"external"`
	Own      float64            `json:"own"`
	MaxOwn   float64            `json:"max_own"`
	Hottest  int                `json:"hottest_subtask"`
	Level    metric.Level       `json:"level"`
	Lag      *float64           `json:"lag"` // null without one
	LagGrows float64            `json:"lag_growth_per_second"`
	Counters map[string]float64 `json:"counters_per_second,omitempty"`
}

type edgeRateView struct {
	From     int     `json:"from"`
	To       int     `json:"to"`
	Blocked  float64 `json:"blocked"`
	InFlight int64   `json:"in_flight_bytes"`
	Window   int64   `json:"window_bytes"`
	Bound    int64   `json:"bound_bytes"`
	// HotKeys of keyed arrows.
	HotKeys []metric.HotKey `json:"hot_keys,omitempty"`
}

type accountView struct {
	ID       int              `json:"id"`
	Name     string           `json:"name"`
	Subtasks []metric.Subtask `json:"subtasks"`
}

type channelView struct {
	From     int              `json:"from"`
	To       int              `json:"to"`
	Channels []metric.Channel `json:"channels"`
}

func viewOf(now *metric.Job, rates metric.Rates, report diagnosis.Report) jobView {
	v := jobView{
		Name: now.Name, State: now.State, Started: now.Started, At: now.At, Restarts: now.Restarts, Checkpoints: now.Checkpoints,
		InFlightBytes: now.InFlightBytes, BoundBytes: now.BoundBytes, PeakInFlightBytes: now.PeakInFlightBytes,
		Graph:    graphView{Operators: []operatorView{}, Edges: []edgeView{}},
		Rates:    rateView{IntervalSeconds: rates.Interval.Seconds(), Operators: []operatorRateView{}, Edges: []edgeRateView{}},
		Accounts: []accountView{}, Channels: []channelView{},
	}
	if !now.Started.IsZero() {
		v.UptimeSeconds = now.At.Sub(now.Started).Seconds()
	}
	for i := range rates.Operators {
		v.operator(&rates.Operators[i])
	}
	for i := range rates.Edges {
		e := &rates.Edges[i]
		v.Graph.Edges = append(v.Graph.Edges, edgeView{e.Edge.From, e.Edge.To, e.Edge.Kind})
		v.Rates.Edges = append(v.Rates.Edges, edgeRateView{e.Edge.From, e.Edge.To, e.Blocked, e.InFlight, e.Window, e.Bound, e.Edge.HotKeys})
		if len(e.Edge.Channels) > 0 {
			v.Channels = append(v.Channels, channelView{e.Edge.From, e.Edge.To, e.Edge.Channels})
		}
	}
	if f, ok := report.Bottleneck(); ok {
		v.Bottleneck = &f
	}
	return v
}

func (v *jobView) operator(r *metric.OperatorRate) {
	o := &r.Operator
	v.Graph.Operators = append(v.Graph.Operators, operatorView{o.ID, o.Name, o.Kind, o.Chain, o.Parallelism, o.Outside})
	rate := operatorRateView{
		ID: o.ID, Name: o.Name, In: r.In, Out: r.Out, BytesIn: r.BytesIn, BytesOut: r.BytesOut,
		Busy: r.Busy, Idle: r.Idle, Blocked: r.Blocked, External: r.External,
		Own: r.Own, MaxOwn: r.MaxOwn, Hottest: r.Hottest, Level: r.Level, Counters: r.CounterRates,
	}
	if r.Lag >= 0 && finite(r.Lag) && finite(r.LagGrowth) {
		rate.Lag, rate.LagGrows = &r.Lag, r.LagGrowth
	}
	v.Rates.Operators = append(v.Rates.Operators, rate)
	// Snapshots are shared: gauges that JSON cannot hold are left out of a copy.
	subtasks := append([]metric.Subtask{}, o.Subtasks...)
	for i := range subtasks {
		subtasks[i].Gauges = finiteOnly(subtasks[i].Gauges)
	}
	v.Accounts = append(v.Accounts, accountView{o.ID, o.Name, subtasks})
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func finiteOnly(gauges []metric.Gauge) []metric.Gauge {
	for i, g := range gauges {
		if finite(g.Value) {
			continue
		}
		kept := append([]metric.Gauge{}, gauges[:i]...)
		for _, g := range gauges[i+1:] {
			if finite(g.Value) {
				kept = append(kept, g)
			}
		}
		return kept
	}
	return gauges
}

func (f *feed) serveJob(w http.ResponseWriter, _ *http.Request) {
	now, rates := f.sampler.Current()
	if now == nil {
		notStarted(w)
		return
	}
	v := viewOf(now, rates, f.report())
	v.Error = f.told(now, now.Error)
	answer(w, http.StatusOK, v)
}

// healthView is the answer of /api/v1/health.
type healthView struct {
	Healthy bool   `json:"healthy"`
	State   string `json:"state"`
}

// serveHealth answers 503 when the job has not started, has failed or was
// cancelled. One that restarts is well: it is helping itself. It tells nothing
// else, since it asks for no token.
func serveHealth(w http.ResponseWriter, sampler *metric.Sampler) {
	h := healthView{State: "created"}
	if _, now := sampler.Pair(); now != nil {
		h.State = now.State
	}
	status := http.StatusServiceUnavailable
	switch h.State {
	case "running", "restarting", "draining", "finished", "suspended":
		h.Healthy, status = true, http.StatusOK
	}
	answer(w, status, h)
}

func answer(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "cannot write the answer: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n'))
}
