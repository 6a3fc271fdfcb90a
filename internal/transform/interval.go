package transform

import (
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
)

// Interval says which records an interval join joins, and into what.
type Interval[A, B, U any] struct {
	// Lower and Upper bound the time of a right record from that of a left one.
	Lower, Upper time.Duration
	// KeepLeft and KeepRight have Join called also for records of a side that
	// meet none of the other, which is nil then.
	KeepLeft, KeepRight bool
	Join                func(a *A, b *B) U
}

// interval keeps the records of each key for as long as others may come that
// they meet. A key has one alarm that counts, for the first record whose time
// is over.
type interval[K comparable, A, B, U any] struct {
	Interval[A, B, U]
	position
	left  awaiting[A]
	right awaiting[B]
	alarm *state.Value[event.Time]
}

// awaiting is what an interval join keeps of one input.
type awaiting[T any] struct {
	lateSource[T]
	records *state.Series[waiting[T]]
	// hold is how long after its time a record may be met. One that nobody waits
	// for is dropped a bit later, together with others.
	hold, slack time.Duration
}

// waiting is a record that may still be met.
type waiting[T any] struct {
	Met   bool
	Value T
}

// slackShare is the part of the interval by which records are dropped later,
// where only memory depends on it.
const slackShare = 8

// NewInterval returns the operator with the inputs 0 and 1, and the side
// outputs 1 and 2 for late records of each.
func NewInterval[K comparable, A, B, U any](left func(*A) K, right func(*B) K, f Interval[A, B, U], backend Backends[K]) operator.Operator {
	j := &interval[K, A, B, U]{Interval: f}
	slack := f.Upper/slackShare - f.Lower/slackShare // the difference may be too large
	j.left.hold, j.right.hold = f.Upper, -f.Lower
	if !f.KeepLeft {
		j.left.slack = slack
	}
	if !f.KeepRight {
		j.right.slack = slack
	}
	return NewPorted(j, backend, nil,
		NewKeyedPort(left, intervalLeft[K, A, B, U]{j}), NewKeyedPort(right, intervalRight[K, A, B, U]{j}))
}

// Open implements Program.
func (j *interval[K, A, B, U]) Open(s *Scope[K, U]) error {
	j.left.records = state.NewSeries[waiting[A]](s.Store(), "left")
	j.right.records = state.NewSeries[waiting[B]](s.Store(), "right")
	j.alarm = state.NewValue[event.Time](s.Store(), "alarm")
	j.left.out, j.right.out = OutputOf[A](s, 1), OutputOf[B](s, 2)
	return nil
}

// OnTimer implements Program; none is set.
func (j *interval[K, A, B, U]) OnTimer(*Scope[K, U], event.Time, TimerKind) error { return nil }

// AlarmSpan implements Alarmed.
func (j *interval[K, A, B, U]) AlarmSpan() time.Duration {
	return max(j.left.hold+j.left.slack, j.right.hold+j.right.slack, time.Millisecond)
}

type intervalLeft[K comparable, A, B, U any] struct{ *interval[K, A, B, U] }

// Process implements Receiver.
func (j intervalLeft[K, A, B, U]) Process(s *Scope[K, U], a *A) error {
	t := s.Time()
	if t <= s.Watermark() {
		late(s, &j.left.lateSource, a)
		return nil
	}
	met := j.right.records.Between(t.Add(j.Lower), t.Add(j.Upper))
	for at := 0; at < len(met); at++ {
		done, err := j.meet(s, a, t, met, at)
		if at = done; err != nil {
			s.Reject(Pair[A, B]{a, &met[at].Value.Value}, max(t, met[at].At), err)
		}
	}
	switch {
	case j.left.await(s.Watermark(), t, len(met) > 0, a):
		j.wake(s, j.left.due(t))
	case j.KeepLeft && len(met) == 0:
		j.alone(s, a, nil, t)
	}
	return nil
}

// meet joins a left record with those right ones that it meets, from an index
// on, up to a pair that is refused.
func (j *interval[K, A, B, U]) meet(s *Scope[K, U], a *A, t event.Time, met []state.Dated[waiting[B]], from int) (done int, err error) {
	defer func() {
		if v := recover(); v != nil {
			caught(v, &err)
			done = j.pos
		}
	}()
	for i := from; i < len(met); i++ {
		j.pos = i
		b := &met[i]
		b.Value.Met = true
		s.EmitAt(j.Join(a, &b.Value.Value), max(t, b.At))
	}
	return len(met), nil
}

type intervalRight[K comparable, A, B, U any] struct{ *interval[K, A, B, U] }

// Process implements Receiver.
func (j intervalRight[K, A, B, U]) Process(s *Scope[K, U], b *B) error {
	t := s.Time()
	if t <= s.Watermark() {
		late(s, &j.right.lateSource, b)
		return nil
	}
	met := j.left.records.Between(t.Add(-j.Upper), t.Add(-j.Lower))
	for at := 0; at < len(met); at++ {
		done, err := j.met(s, b, t, met, at)
		if at = done; err != nil {
			s.Reject(Pair[A, B]{&met[at].Value.Value, b}, max(t, met[at].At), err)
		}
	}
	switch {
	case j.right.await(s.Watermark(), t, len(met) > 0, b):
		j.wake(s, j.right.due(t))
	case j.KeepRight && len(met) == 0:
		j.alone(s, nil, b, t)
	}
	return nil
}

// met is meet for a right record.
func (j *interval[K, A, B, U]) met(s *Scope[K, U], b *B, t event.Time, met []state.Dated[waiting[A]], from int) (done int, err error) {
	defer func() {
		if v := recover(); v != nil {
			caught(v, &err)
			done = j.pos
		}
	}()
	for i := from; i < len(met); i++ {
		j.pos = i
		a := &met[i]
		a.Value.Met = true
		s.EmitAt(j.Join(&a.Value.Value, b), max(t, a.At))
	}
	return len(met), nil
}

// alone emits the result of a record that met none.
func (j *interval[K, A, B, U]) alone(s *Scope[K, U], a *A, b *B, at event.Time) {
	if err := j.emitAlone(s, a, b, at); err != nil {
		s.Reject(Pair[A, B]{a, b}, at, err)
	}
}

func (j *interval[K, A, B, U]) emitAlone(s *Scope[K, U], a *A, b *B, at event.Time) (err error) {
	defer func() { caught(recover(), &err) }()
	s.EmitAt(j.Join(a, b), at)
	return nil
}

// wake has the current key looked at when the watermark reaches a time.
func (j *interval[K, A, B, U]) wake(s *Scope[K, U], due event.Time) {
	if armed, ok := j.alarm.Get(); ok && armed <= due {
		return
	}
	j.alarm.Set(due)
	s.SetAlarm(due)
}

// OnAlarm implements Alarmed: it drops the records whose time is over.
func (j *interval[K, A, B, U]) OnAlarm(s *Scope[K, U], at event.Time) error {
	if armed, ok := j.alarm.Get(); !ok || armed != at {
		return nil // an earlier one was set meanwhile
	}
	j.alarm.Clear()
	over := j.left.over(s.Watermark())
	for i := range over {
		if a := &over[i]; j.KeepLeft && !a.Value.Met {
			j.alone(s, &a.Value.Value, nil, j.left.ends(a.At))
		}
	}
	j.left.records.DropFirst(len(over))
	gone := j.right.over(s.Watermark())
	for i := range gone {
		if b := &gone[i]; j.KeepRight && !b.Value.Met {
			j.alone(s, nil, &b.Value.Value, j.right.ends(b.At))
		}
	}
	j.right.records.DropFirst(len(gone))
	if rest := j.left.records.Get(); len(rest) > 0 {
		j.wake(s, j.left.due(rest[0].At))
	}
	if rest := j.right.records.Get(); len(rest) > 0 {
		j.wake(s, j.right.due(rest[0].At))
	}
	return nil
}

// await keeps a record if others may still come that it meets.
func (w *awaiting[T]) await(watermark, t event.Time, met bool, v *T) bool {
	if t.Add(w.hold) <= watermark {
		return false
	}
	w.records.Insert(t, waiting[T]{met, *v})
	return true
}

// over returns the records that no other can meet any more.
func (w *awaiting[T]) over(watermark event.Time) []state.Dated[waiting[T]] {
	if watermark == event.MaxTime {
		return w.records.Get()
	}
	return w.records.Through(watermark.Add(-w.hold))
}

// due is when a record is to be dropped.
func (w *awaiting[T]) due(t event.Time) event.Time { return t.Add(w.hold).Add(w.slack) }

// ends is when it is known that nothing has met a record.
func (w *awaiting[T]) ends(t event.Time) event.Time { return max(t, t.Add(w.hold)) }
