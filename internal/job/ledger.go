package job

import (
	"slices"
	"sync"
	"time"

	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/metric"
)

// remembered is how many past checkpoints a job tells of.
const remembered = 32

// ledger is what a job tells of its checkpoints: each attempt has a coordinator
// of its own, the ledger outlives them. Any goroutine may use it.
type ledger struct {
	mu      sync.Mutex
	now     *checkpoint.Record // under way, or nil
	past    []checkpoint.Record
	counted int64 // the last of past; numbers only grow
	totals  metric.Checkpoints
	parts   map[checkpoint.Subtask]*metric.Barrier // in the last complete one
}

// update takes the history of a coordinator, newest first.
func (l *ledger) update(history []checkpoint.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = nil
	for i := len(history) - 1; i >= 0; i-- {
		r := &history[i]
		switch {
		case r.Ended.IsZero():
			l.now = r
		case r.ID > l.counted:
			l.enter(*r)
		}
	}
}

// close says that an attempt has ended. What was under way is complete if it can
// be recovered from. Otherwise it has failed with the attempt, or is forgotten if
// that ended well or was stopped.
func (l *ledger) close(now time.Time, failed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now == nil {
		return
	}
	r := *l.now
	l.now, r.Ended = nil, now
	r.Phase = "complete"
	switch {
	case !r.Written.IsZero():
	case failed:
		r.Phase, r.Reason = "aborted", "the job failed meanwhile"
	default:
		l.counted = r.ID
		return
	}
	l.enter(r)
}

// enter takes a checkpoint that has ended.
func (l *ledger) enter(r checkpoint.Record) {
	l.counted = r.ID
	l.past = slices.Insert(l.past, 0, r)
	l.past = l.past[:min(len(l.past), remembered)]
	if r.Phase != "complete" {
		l.totals.Failed++
		l.totals.FailedSince++
		l.totals.Failure = r.Reason
		return
	}
	c := &metric.Checkpoint{ID: r.ID, Kind: r.Kind.String(), Began: r.Began, Ended: r.Ended, Duration: r.Ended.Sub(r.Began), Bytes: r.Bytes, InFlight: r.InFlight}
	l.parts = make(map[checkpoint.Subtask]*metric.Barrier, len(r.Subtasks))
	for _, s := range r.Subtasks {
		m := &s.Metrics
		c.MaxStartDelay, c.MaxAlignment = max(c.MaxStartDelay, m.StartDelay), max(c.MaxAlignment, m.Alignment)
		c.MaxSync, c.MaxAsync = max(c.MaxSync, m.Sync), max(c.MaxAsync, m.Async)
		l.parts[s.Subtask] = &metric.Barrier{StartDelay: m.StartDelay, Alignment: m.Alignment}
	}
	l.totals.Completed++
	l.totals.Last, l.totals.FailedSince, l.totals.Failure = c, 0, ""
}

// restored says that the job has gone on from a checkpoint, after looking for it
// since began.
func (l *ledger) restored(m *checkpoint.Manifest, began, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.totals.Restored = &metric.Restored{ID: m.ID, Kind: m.Kind.String(), Taken: m.Time, At: now, Duration: now.Sub(began)}
}

// read returns the totals, and the parts of subtasks in the last checkpoint that
// is complete. Nothing of it changes.
func (l *ledger) read() (*metric.Checkpoints, map[checkpoint.Subtask]*metric.Barrier) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.totals
	if l.now != nil {
		out.InProgress = 1
	}
	return &out, l.parts
}

// history tells of checkpoints, newest first.
func (l *ledger) history() []checkpoint.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]checkpoint.Record, 0, len(l.past)+1)
	if l.now != nil {
		out = append(out, *l.now)
	}
	return append(out, l.past...)
}
