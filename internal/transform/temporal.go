package transform

import (
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
)

// temporal joins each left record with the version of its key that is valid at
// its time: the right record with the latest time that is not after it. Left
// records wait until the watermark says that all versions of their time are
// known.
type temporal[K comparable, A, B, U any] struct {
	position
	join     func(a *A, b *B) U
	keepLeft bool
	left     *state.Series[A]
	versions *state.Series[B]
	alarm    *state.Value[event.Time]
	lateA    lateSource[A]
	lateB    lateSource[B]
}

// NewTemporal returns the operator with the inputs 0 and 1, and the side
// outputs 1 and 2 for late records of each. keepLeft has join called also for
// left records of which there is no version, with nil.
func NewTemporal[K comparable, A, B, U any](left func(*A) K, right func(*B) K, keepLeft bool, join func(a *A, b *B) U, backend Backends[K]) operator.Operator {
	j := &temporal[K, A, B, U]{join: join, keepLeft: keepLeft}
	return NewPorted(j, backend, nil,
		NewKeyedPort(left, temporalLeft[K, A, B, U]{j}), NewKeyedPort(right, temporalRight[K, A, B, U]{j}))
}

// Open implements Program.
func (j *temporal[K, A, B, U]) Open(s *Scope[K, U]) error {
	j.left = state.NewSeries[A](s.Store(), "left")
	j.versions = state.NewSeries[B](s.Store(), "versions")
	j.alarm = state.NewValue[event.Time](s.Store(), "alarm")
	j.lateA.out, j.lateB.out = OutputOf[A](s, 1), OutputOf[B](s, 2)
	return nil
}

// OnTimer implements Program; none is set.
func (j *temporal[K, A, B, U]) OnTimer(*Scope[K, U], event.Time, TimerKind) error { return nil }

// AlarmSpan implements Alarmed. How long left records wait is up to the
// disorder of the inputs, which is not known here.
func (j *temporal[K, A, B, U]) AlarmSpan() time.Duration { return time.Second }

type temporalLeft[K comparable, A, B, U any] struct{ *temporal[K, A, B, U] }

// Process implements Receiver.
func (j temporalLeft[K, A, B, U]) Process(s *Scope[K, U], a *A) error {
	t := s.Time()
	if t <= s.Watermark() {
		late(s, &j.lateA, a)
		return nil
	}
	j.left.Insert(t, *a)
	j.wake(s, t)
	return nil
}

type temporalRight[K comparable, A, B, U any] struct{ *temporal[K, A, B, U] }

// Process implements Receiver.
func (j temporalRight[K, A, B, U]) Process(s *Scope[K, U], b *B) error {
	t := s.Time()
	if t <= s.Watermark() {
		late(s, &j.lateB, b)
		return nil
	}
	j.versions.Insert(t, *b)
	j.wakeForVersions(s)
	return nil
}

// wakeForVersions has the first version dropped when the second is valid.
func (j *temporal[K, A, B, U]) wakeForVersions(s *Scope[K, U]) {
	if v := j.versions.Get(); len(v) > 1 {
		j.wake(s, v[1].At)
	}
}

// wake has the current key looked at when the watermark reaches a time.
func (j *temporal[K, A, B, U]) wake(s *Scope[K, U], due event.Time) {
	if armed, ok := j.alarm.Get(); ok && armed <= due {
		return
	}
	j.alarm.Set(due)
	s.SetAlarm(due)
}

// OnAlarm implements Alarmed: it answers the left records that the watermark
// has passed, and drops the versions that are valid no more.
func (j *temporal[K, A, B, U]) OnAlarm(s *Scope[K, U], at event.Time) error {
	if armed, ok := j.alarm.Get(); !ok || armed != at {
		return nil // an earlier one was set meanwhile
	}
	j.alarm.Clear()
	asked, versions := j.left.Through(s.Watermark()), j.versions.Get()
	for at := 0; at < len(asked); at++ {
		done, valid, err := j.answer(s, asked, versions, at)
		if at = done; err != nil {
			a := &asked[at]
			s.Reject(Pair[A, B]{&a.Value, valid}, a.At, err)
		}
	}
	j.left.DropFirst(len(asked))
	if known := len(j.versions.Through(s.Watermark())); known > 1 {
		j.versions.DropFirst(known - 1)
	}
	if rest := j.left.Get(); len(rest) > 0 {
		j.wake(s, rest[0].At)
	}
	j.wakeForVersions(s)
	return nil
}

// answer emits the results of left records from an index on, up to one that is
// refused, with its version. Both slices are in the order of their times.
func (j *temporal[K, A, B, U]) answer(s *Scope[K, U], asked []state.Dated[A], versions []state.Dated[B], from int) (done int, valid *B, err error) {
	defer func() {
		if v := recover(); v != nil {
			caught(v, &err)
			done = j.pos
		}
	}()
	next := 0
	for i := from; i < len(asked); i++ {
		j.pos = i
		a := &asked[i]
		for next < len(versions) && versions[next].At <= a.At {
			valid = &versions[next].Value
			next++
		}
		if valid != nil || j.keepLeft {
			s.EmitAt(j.join(&a.Value, valid), a.At)
		}
	}
	return len(asked), nil, nil
}
