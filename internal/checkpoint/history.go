package checkpoint

import "time"

// Record tells of one checkpoint, under way or past.
type Record struct {
	ID   int64
	Kind Kind
	// Phase is "collecting", "writing", "withdrawing" or "committing" while it
	// is under way, and then "complete", "aborted" or "failed".
	Phase  string
	Reason string // of what went wrong
	// Began, Collected (all have acknowledged), Written (the manifest) and Ended
	// are zero for what has not happened.
	Began, Collected, Written, Ended time.Time
	// Expected is the number of subtasks that had not finished when it began.
	Expected int
	// Subtasks are those that have acknowledged, in that order.
	Subtasks []SubtaskRecord
	// Bytes and InFlight are the sums over the subtasks.
	Bytes, InFlight int64
}

// SubtaskRecord is the part of one subtask.
type SubtaskRecord struct {
	Subtask Subtask
	// Acknowledged is the time since the checkpoint began.
	Acknowledged time.Duration
	Metrics      Metrics
}

func (r *Record) add(now time.Time, s Subtask, m Metrics) {
	r.Subtasks = append(r.Subtasks, SubtaskRecord{s, now.Sub(r.Began), m})
	r.Bytes += m.Bytes
	r.InFlight += m.InFlight
}

// history holds the last records, oldest first.
type history struct {
	limit   int
	records []*Record
}

func (h *history) push(r *Record) {
	h.records = append(h.records, r)
	if over := len(h.records) - h.limit; over > 0 {
		clear(h.records[:over])
		h.records = h.records[over:]
	}
}

// History tells of the checkpoint under way and the last [Config.History] past
// ones, newest first. The records are the caller's; what they point to does not
// change.
func (c *Coordinator) History() []Record {
	var out []Record
	add := func(r *Record) {
		n := len(r.Subtasks)
		record := *r
		record.Subtasks = r.Subtasks[:n:n]
		out = append(out, record)
	}
	if c.pending != nil {
		add(c.pending.record)
	}
	for i := len(c.history.records) - 1; i >= 0; i-- {
		add(c.history.records[i])
	}
	return out
}
