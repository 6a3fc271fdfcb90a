package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

// operatorDetailView is the answer of /api/v1/operators/{id}.
type operatorDetailView struct {
	ID       int           `json:"id"`
	Name     string        `json:"name"`
	Kind     string        `json:"kind"`
	Outside  string        `json:"outside"`
	Subtasks []subtaskView `json:"subtasks"`
}

// subtaskView is one subtask over the last second or so.
type subtaskView struct {
	Index int    `json:"index"`
	State string `json:"state"`
	workView
	WatermarkDelay *float64         `json:"watermark_delay_seconds"`
	Lag            *float64         `json:"lag"`
	Late           int64            `json:"late"`
	DeadLettered   int64            `json:"dead_lettered"`
	Skipped        int64            `json:"skipped"`
	StateBytes     *float64         `json:"state_bytes"`
	StateShare     float64          `json:"state_share"` // time in keyed state, a part of own
	Calls          *int64           `json:"calls_in_flight"`
	CallLimit      *int64           `json:"call_limit"`
	Splits         *int64           `json:"splits"`
	Counters       map[string]int64 `json:"counters"`
	Gauges         []metric.Gauge   `json:"gauges"`
}

func (f *feed) serveOperator(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		http.Error(w, "an operator is asked for by its number, as in /api/v1/operators/0; /api/v1/overview has them", http.StatusBadRequest)
		return
	}
	before, now := f.lastTwo()
	if now == nil {
		notStarted(w)
		return
	}
	for i := range now.Operators {
		if o := &now.Operators[i]; o.ID == id {
			var past []metric.Subtask
			if i < len(before.Operators) {
				past = before.Operators[i].Subtasks
			}
			answer(w, http.StatusOK, detailOf(o, past, now.At, now.At.Sub(before.At)))
			return
		}
	}
	http.Error(w, "no operator has this number; /api/v1/overview has them", http.StatusNotFound)
}

// lastTwo are the last sample and the one before it, both the same if there is
// one only, nil while there is none.
func (f *feed) lastTwo() (before, now *metric.Job) {
	samples := f.sampler.Samples()
	if n := len(samples); n > 0 {
		return samples[max(0, n-2)], samples[n-1]
	}
	s := f.look()
	return s.job, s.job
}

// detailOf is an operator with its subtasks as they were before, if they were.
func detailOf(o *metric.Operator, past []metric.Subtask, at time.Time, interval time.Duration) operatorDetailView {
	v := operatorDetailView{ID: o.ID, Name: o.Name, Kind: o.Kind, Outside: o.Outside, Subtasks: make([]subtaskView, 0, len(o.Subtasks))}
	for i := range o.Subtasks {
		b := &metric.Subtask{}
		if i < len(past) {
			b = &past[i]
		}
		v.Subtasks = append(v.Subtasks, subtaskOf(i, b, &o.Subtasks[i], at, interval))
	}
	return v
}

func subtaskOf(index int, b, s *metric.Subtask, at time.Time, interval time.Duration) subtaskView {
	wall := float64(s.Wall - b.Wall)
	share := func(d time.Duration) float64 {
		if wall <= 0 {
			return 0
		}
		return short(min(max(0, float64(d)/wall), 1))
	}
	rate := func(n int64) float64 {
		if interval <= 0 {
			return 0
		}
		return short(float64(n) / interval.Seconds())
	}
	v := subtaskView{
		Index: index, State: s.State,
		workView: workView{
			In: rate(s.RecordsIn - b.RecordsIn), Out: rate(s.RecordsOut - b.RecordsOut),
			Busy: share(s.Busy - b.Busy), Idle: share(s.Idle - b.Idle), Blocked: share(s.Blocked - b.Blocked),
			External: share(s.External - b.External), Own: share(s.Own - b.Own),
		},
		WatermarkDelay: watermarkDelay([]metric.Subtask{*s}, at), Lag: gauge(s, "lag"),
		Late: s.Late, DeadLettered: s.DeadLettered, Skipped: s.Skipped,
		StateBytes: gauge(s, stateBytes), StateShare: share(s.StateTime - b.StateTime),
		Counters: s.Counters, Gauges: finiteOnly(s.Gauges),
	}
	if s.CallLimit > 0 {
		v.Calls, v.CallLimit = &s.Calls, &s.CallLimit
	}
	if s.Splits >= 0 {
		v.Splits = &s.Splits
	}
	if v.Counters == nil {
		v.Counters = map[string]int64{}
	}
	if v.Gauges == nil {
		v.Gauges = []metric.Gauge{}
	}
	return v
}
