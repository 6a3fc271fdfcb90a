package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/metric"
)

// Checkpoints is what the server asks a job that takes checkpoints. Any
// goroutine may call its methods.
type Checkpoints interface {
	// History tells of the one under way and the past ones, newest first.
	History() []checkpoint.Record
	// Take takes one and returns when it is complete: its number, and where it
	// is. With stop, the job is suspended then, unless ctx has ended before.
	Take(ctx context.Context, kind checkpoint.Kind, stop bool) (id int64, path string, err error)
}

// takeTimeout bounds the wait for a checkpoint; the job has a timeout of its own,
// usually a shorter one.
const takeTimeout = time.Hour

// checkpointsView is the answer of GET /api/v1/checkpoints.
type checkpointsView struct {
	Totals metric.Checkpoints `json:"totals"`
	// History is the one under way and the last 32 past ones, newest first.
	History []recordView `json:"history"`
}

type recordView struct {
	ID   int64  `json:"id"`
	Kind string `json:"kind"`
	// State is in_progress, complete or failed; Phase is finer.
	State  string     `json:"state"`
	Phase  string     `json:"phase"`
	Reason string     `json:"reason,omitempty"`
	Began  time.Time  `json:"began"`
	Ended  *time.Time `json:"ended,omitempty"`
	// Duration is up to now for one that is under way.
	Duration time.Duration `json:"duration_ns"`
	Bytes    int64         `json:"bytes"`
	InFlight int64         `json:"in_flight_bytes"`
	// The largest among the subtasks.
	StartDelay time.Duration `json:"max_start_delay_ns"`
	Alignment  time.Duration `json:"max_alignment_ns"`
	Sync       time.Duration `json:"max_sync_ns"`
	Async      time.Duration `json:"max_async_ns"`
	// Expected is how many subtasks take part.
	Expected int `json:"expected_subtasks"`
	// Subtasks are those that have acknowledged, in that order.
	Subtasks []partView `json:"subtasks"`
}

type partView struct {
	Task         string        `json:"task"`
	Subtask      int           `json:"subtask"`
	Acknowledged time.Duration `json:"acknowledged_after_ns"`
	StartDelay   time.Duration `json:"start_delay_ns"`
	Alignment    time.Duration `json:"alignment_ns"`
	Sync         time.Duration `json:"sync_ns"`
	Async        time.Duration `json:"async_ns"`
	Bytes        int64         `json:"bytes"`
	InFlight     int64         `json:"in_flight_bytes"`
}

func recordOf(r *checkpoint.Record, now time.Time) recordView {
	v := recordView{ID: r.ID, Kind: r.Kind.String(), State: "in_progress", Phase: r.Phase, Reason: r.Reason, Began: r.Began,
		Bytes: r.Bytes, InFlight: r.InFlight, Expected: r.Expected, Subtasks: []partView{}}
	if !r.Ended.IsZero() {
		now, v.Ended = r.Ended, &r.Ended
		if v.State = "failed"; r.Phase == "complete" {
			v.State = "complete"
		}
	}
	v.Duration = max(now.Sub(r.Began), 0)
	for _, s := range r.Subtasks {
		m := &s.Metrics
		v.StartDelay, v.Alignment = max(v.StartDelay, m.StartDelay), max(v.Alignment, m.Alignment)
		v.Sync, v.Async = max(v.Sync, m.Sync), max(v.Async, m.Async)
		v.Subtasks = append(v.Subtasks, partView{s.Subtask.Task, s.Subtask.Index, s.Acknowledged, m.StartDelay, m.Alignment, m.Sync, m.Async, m.Bytes, m.InFlight})
	}
	return v
}

// checkpoints serves the history, and takes new ones.
type checkpoints struct {
	of      Checkpoints // nil if the job takes none
	sampler *metric.Sampler
}

func (c checkpoints) register(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/checkpoints", c.none(c.list))
	mux.HandleFunc("POST /api/v1/checkpoints", c.none(c.take(checkpoint.Checkpoint)))
	mux.HandleFunc("POST /api/v1/savepoints", c.none(c.take(checkpoint.Savepoint)))
	mux.HandleFunc("GET /api/v1/savepoints", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", "POST")
		http.Error(w, "POST takes a savepoint; GET /api/v1/checkpoints has them", http.StatusMethodNotAllowed)
	})
}

// none answers for a job that takes no checkpoints.
func (c checkpoints) none(next http.HandlerFunc) http.HandlerFunc {
	if c.of != nil {
		return next
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "the job takes no checkpoints: it was not told where to keep them", http.StatusNotFound)
	}
}

func (c checkpoints) list(w http.ResponseWriter, _ *http.Request) {
	v := checkpointsView{History: []recordView{}}
	if _, now := c.sampler.Pair(); now != nil && now.Checkpoints != nil {
		v.Totals = *now.Checkpoints
	}
	history := c.of.History()
	now := time.Now()
	for _, r := range history {
		v.History = append(v.History, recordOf(&r, now))
	}
	answer(w, http.StatusOK, v)
}

// takenView is the answer of a POST.
type takenView struct {
	ID   int64  `json:"id"`
	Kind string `json:"kind"`
	Path string `json:"path"`
	// Stopped tells that the job ends now.
	Stopped bool `json:"stopped"`
}

// take waits for as long as the checkpoint takes: the deadlines of the server are
// for other requests.
func (c checkpoints) take(kind checkpoint.Kind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		stop, err := strconv.ParseBool(r.URL.Query().Get("stop"))
		if err != nil && r.URL.Query().Has("stop") {
			http.Error(w, "stop is true or false", http.StatusBadRequest)
			return
		}
		control := http.NewResponseController(w)
		// Where there is no connection there is no deadline.
		_ = control.SetWriteDeadline(time.Now().Add(takeTimeout + writeTimeout))
		ctx, cancel := context.WithTimeout(r.Context(), takeTimeout)
		defer cancel()
		id, path, err := c.of.Take(ctx, kind, stop)
		if err != nil {
			http.Error(w, fmt.Sprintf("no %s was taken: %v", kind, err), http.StatusConflict)
			return
		}
		answer(w, http.StatusOK, takenView{id, kind.String(), path, stop})
	}
}
