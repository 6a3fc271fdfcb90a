package generator

import (
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// shortest is the least time for which a reader is idle: waking for every
// record of a fast rate would cost more than the records.
const shortest = time.Millisecond

// farthest bounds how far a poll looks ahead for the next record.
const farthest = time.Second

type reader[T any] struct {
	source   *source[T]
	sub      connector.Subtask
	place    *connector.Sequence
	last     int64 // index at which to end, -1 for none
	size     int64 // bytes of a record, 0 if they differ
	started  bool
	start    time.Time
	schedule schedule
	began    atomic.Int64 // start for Measure, Unix nanoseconds, 0 before
	done     atomic.Int64 // records produced, also before this reader was opened
	one      event.Records[T]
}

// Poll implements connector.Reader.
func (r *reader[T]) Poll(dst *event.Records[T], limit connector.Limit) (connector.Status, error) {
	now := r.source.config.clock()
	if !r.started {
		start := now
		if s := r.source.config.start; !s.IsZero() {
			start = s
		}
		r.begin(start)
	}
	if r.ended(now) {
		return connector.Status{State: connector.Done}, nil
	}
	var st connector.Status
	if r.source.config.profile == nil {
		if now.Before(r.start) {
			return connector.Status{State: connector.Idle, After: max(r.start.Sub(now), shortest)}, nil
		}
		r.atOnce(dst, limit, event.At(now))
	} else {
		st = r.onTime(dst, limit, now.Sub(r.start))
	}
	if r.last >= 0 && r.place.Next() >= r.last {
		st = connector.Status{State: connector.Done}
	}
	return st, nil
}

// begin says when the schedule begins or began.
func (r *reader[T]) begin(start time.Time) {
	r.started, r.start = true, start
	r.began.Store(start.UnixNano())
}

// ended tells whether no record is left.
func (r *reader[T]) ended(now time.Time) bool {
	if r.last >= 0 && r.place.Next() >= r.last {
		return true
	}
	length := r.source.config.length
	return r.source.config.profile == nil && length > 0 && now.Sub(r.start) >= length
}

// atOnce fills the batch without a schedule.
func (r *reader[T]) atOnce(dst *event.Records[T], limit connector.Limit, t event.Time) {
	n := int64(limit.Records)
	if r.size > 0 {
		n = min(n, max(limit.Bytes/r.size, 1))
	}
	if r.last >= 0 {
		n = min(n, (r.last-r.place.Next()+r.place.Step()-1)/r.place.Step())
	}
	if n <= 0 {
		return
	}
	n = r.place.Run(n)
	step := r.place.Step()
	from := dst.Len()
	dst.Values = slices.Grow(dst.Values, int(n))[:from+int(n)]
	dst.Times = slices.Grow(dst.Times, int(n))[:from+int(n)]
	values, times := dst.Values[from:], dst.Times[from:]
	clear(values)
	if plain := r.source.plain; plain != nil && r.size > 0 {
		i := r.place.Next()
		for j := range values {
			plain(i, &values[j])
			i += step
		}
	} else {
		bytes, i := int64(0), r.place.Next()
		for j := range values {
			if bytes >= limit.Bytes && j > 0 {
				n = int64(j)
				dst.Truncate(from + j)
				break
			}
			r.source.timed(i, t, &values[j])
			bytes += r.bytes(&values[j])
			i += step
		}
	}
	for j := range times[:n] {
		times[j] = t
	}
	r.place.Advance(n)
	r.done.Store(r.place.Passed())
}

// onTime fills the batch with the records that are due at elapsed.
func (r *reader[T]) onTime(dst *event.Records[T], limit connector.Limit, elapsed time.Duration) connector.Status {
	elapsed = r.putOff(elapsed)
	start := event.At(r.start)
	var bytes int64
	defer func() { r.done.Store(r.place.Passed()) }()
	for n := 0; n < limit.Records && bytes < limit.Bytes; n++ {
		if r.last >= 0 && r.place.Next() >= r.last {
			break
		}
		at, ok := r.schedule.due(r.place.Next(), elapsed)
		if !ok {
			return connector.Status{State: connector.Idle, After: r.ahead(elapsed)}
		}
		due := start + event.Time(at)
		v := dst.Next(due)
		var zero T
		*v = zero
		r.source.timed(r.place.Next(), due, v)
		bytes += r.bytes(v)
		r.place.Advance(1)
	}
	return connector.Status{}
}

// bytes returns the memory of a record.
func (r *reader[T]) bytes(v *T) int64 {
	if r.size > 0 {
		return r.size
	}
	r.one.Values = append(r.one.Values[:0], *v)
	n := r.one.Bytes()
	clear(r.one.Values)
	return n
}

// ahead returns the time until the next record is due.
func (r *reader[T]) ahead(elapsed time.Duration) time.Duration {
	look := r.schedule
	at, ok := look.due(r.place.Next(), elapsed+farthest)
	if !ok {
		return farthest
	}
	return max(at-elapsed, shortest)
}

// putOff moves the start of the schedule so that the backlog keeps its bound,
// and returns the time since the new start.
func (r *reader[T]) putOff(elapsed time.Duration) time.Duration {
	bound := r.source.config.backlog
	if bound == 0 || r.backlog(elapsed) <= bound {
		return elapsed
	}
	look := r.schedule
	at, ok := look.due(r.place.Next()+(bound-1)*r.place.Step(), elapsed)
	if !ok {
		return elapsed
	}
	r.start = r.start.Add(elapsed - at)
	r.began.Store(r.start.UnixNano())
	return at
}

// backlog is how many records of this subtask are due and not produced.
func (r *reader[T]) backlog(elapsed time.Duration) int64 { return r.due(elapsed, r.place.Next()) }

// due is how many records of this subtask from index next on are due.
func (r *reader[T]) due(elapsed time.Duration, next int64) int64 {
	due := r.schedule.count(elapsed)
	if r.last >= 0 {
		due = min(due, r.last)
	}
	if due <= next {
		return 0
	}
	return (due - next + r.place.Step() - 1) / r.place.Step()
}

// Measure implements connector.Measured: the lag is the records that are due
// and not produced.
func (r *reader[T]) Measure(gauge func(name string, value float64, labels ...string)) {
	began := r.began.Load()
	if r.source.config.profile == nil || began == 0 {
		return
	}
	elapsed := max(r.source.config.clock().Sub(time.Unix(0, began)), 0)
	lag := r.due(elapsed, int64(r.sub.Index)+r.done.Load()*int64(r.sub.Parallelism))
	gauge("lag", float64(lag), "shard", strconv.Itoa(r.sub.Index))
}

// Progress implements connector.Progress: records produced, of all if their
// number is known.
func (r *reader[T]) Progress() (done, total int64) {
	if r.last >= 0 {
		step := int64(r.sub.Parallelism)
		total = max((r.last-int64(r.sub.Index)+step-1)/step, 0)
		return min(r.done.Load(), total), total
	}
	return r.done.Load(), 0
}

// Splits implements connector.SplitLister: a subtask is one split.
func (r *reader[T]) Splits() []int { return []int{0} }

// SplitsChanged implements connector.SplitLister.
func (r *reader[T]) SplitsChanged() bool { return false }

// Close implements connector.Reader.
func (r *reader[T]) Close() error { return nil }
