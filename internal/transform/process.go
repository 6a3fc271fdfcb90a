package transform

import (
	"fmt"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
)

// TimerKind is the clock that a timer goes by.
type TimerKind uint8

// Event time goes by watermarks, processing time by the time of day.
const (
	EventTimer TimerKind = iota
	ProcessingTimer
)

// Program is the part of a Process operator that belongs to no input, for one
// subtask.
type Program[K comparable, U any] interface {
	// Open declares states in the store of the scope.
	Open(s *Scope[K, U]) error
	// OnTimer is called at a time that was set for the current key.
	OnTimer(s *Scope[K, U], at event.Time, kind TimerKind) error
}

// Function is the whole of a Process operator with one input.
type Function[K comparable, T, U any] interface {
	Program[K, U]
	Receiver[K, T, U]
}

// Backends makes the backend of one subtask.
type Backends[K comparable] func(ctx operator.Context) (state.Backend[K], error)

// InMemory makes backends by a function that cannot fail.
func InMemory[K comparable](make func() state.Backend[K]) Backends[K] {
	return func(operator.Context) (state.Backend[K], error) { return make(), nil }
}

// yieldTimers is how many timers fire before others may run.
const yieldTimers = 64

// Process calls functions with access to the state of each record's key, and
// again at the times that they have set. Its inputs are ports.
type Process[K comparable, U any] struct {
	f     Program[K, U]
	ports []Port[K, U]
	make  Backends[K]
	scope Scope[K, U]

	one     [1]K
	oneHash [1]uint64
	oneSlot [1]uint32
	alarm   event.Time // of WakeAt, MaxTime for none
	ending  int        // timers that may still fire at the end of the input
	gauges  gauges
	// measuring tells that the keys at hand are a sample, and selecting how long
	// it took to select them.
	measuring bool
	selecting time.Duration

	alarmed *alarmed[K, U] // nil: f has no alarms
}

// NewProcess returns the operator of a function with one input and these side
// outputs.
func NewProcess[K comparable, T, U any](key func(*T) K, f Function[K, T, U], backend Backends[K], sides []SideName) operator.Operator {
	return NewPorted(f, backend, sides, NewKeyedPort(key, f))
}

// NewPorted returns the operator with an input for each port, in the order of
// their numbers.
func NewPorted[K comparable, U any](f Program[K, U], backend Backends[K], sides []SideName, ports ...Port[K, U]) operator.Operator {
	o := &Process[K, U]{f: f, ports: ports, make: backend, alarm: event.MaxTime}
	o.scope.names = sides
	if a, ok := f.(Alarmed[K, U]); ok {
		o.alarmed = newAlarmed(a)
		o.scope.alarms = o.alarmed.queue
	}
	return o
}

// Open implements operator.Operator.
func (o *Process[K, U]) Open(ctx operator.Context) error {
	s := &o.scope
	b, err := o.make(ctx)
	if err != nil {
		return err
	}
	s.backend, s.store = b, b.Store()
	s.open(ctx)
	o.gauges.ctx = ctx
	if c, ok := ctx.(operator.Snapshotted); ok && c.Snapshots() {
		s.rememberKeys()
	}
	if err := o.f.Open(s); err != nil {
		return err
	}
	if err := s.store.Seal(); err != nil {
		return err
	}
	s.opened = true
	return nil
}

// Process implements operator.Operator.
func (o *Process[K, U]) Process(b event.Batch) error { return o.ProcessPort(0, b) }

// ProcessPort implements operator.Ported.
func (o *Process[K, U]) ProcessPort(port int, b event.Batch) error {
	o.tick()
	if err := o.ports[port].process(o, b); err != nil {
		return err
	}
	o.scope.send()
	o.setAlarm()
	return nil
}

// tick reads the clock and publishes the gauges now and then.
func (o *Process[K, U]) tick() {
	s := &o.scope
	now := s.ctx.Now()
	s.store.SetNow(now.UnixNano())
	if o.gauges.due(now) {
		o.publish()
	}
}

func (o *Process[K, U]) publish() {
	s := &o.scope
	n, bytes := s.timers()
	if s.alarms != nil {
		n, bytes = n+s.alarms.len(), bytes+s.alarms.bytes()
	}
	o.gauges.publish(s.backend.Len(), s.backend.Bytes()+bytes)
	s.ctx.Gauge("timers", float64(n))
	s.store.Entries(func(name string, entries int64) { s.ctx.Gauge("state_entries", float64(entries), "state", name) })
}

// selectKeys and settleKeys are Select and Settle of the backend, which are
// measured together.
func (o *Process[K, U]) selectKeys(keys []K, hashes []uint64, slots []uint32) error {
	if o.measuring = o.gauges.sample(len(keys)); !o.measuring {
		return o.scope.backend.Select(keys, hashes, slots)
	}
	start := o.scope.ctx.Now()
	err := o.scope.backend.Select(keys, hashes, slots)
	o.selecting = o.scope.ctx.Now().Sub(start)
	return err
}

func (o *Process[K, U]) settleKeys(keys []K, hashes []uint64, slots []uint32) error {
	if !o.measuring {
		return o.scope.backend.Settle(keys, hashes, slots)
	}
	start := o.scope.ctx.Now()
	err := o.scope.backend.Settle(keys, hashes, slots)
	o.gauges.accessed(o.selecting+o.scope.ctx.Now().Sub(start), len(keys))
	return err
}

// recall brings the key of a timer back, in the place of selectKeys.
func (o *Process[K, U]) recall(slot uint32, hash uint64) (K, error) {
	if o.measuring = o.gauges.sample(1); !o.measuring {
		return o.scope.backend.Recall(slot, hash)
	}
	start := o.scope.ctx.Now()
	key, err := o.scope.backend.Recall(slot, hash)
	o.selecting = o.scope.ctx.Now().Sub(start)
	return key, err
}

// Watermark implements operator.Operator: timers fire before it is passed on.
func (o *Process[K, U]) Watermark(t event.Time) error {
	s := &o.scope
	if t <= s.watermark && t > event.MinTime { // after a recovery: nothing new
		s.ctx.Watermark(t)
		return nil
	}
	o.tick()
	s.passed, s.watermark = s.watermark, t
	if t == event.MaxTime {
		o.ending = 100_000 + 100*s.event.len()
	}
	if err := o.fire(&s.event, t, EventTimer); err != nil {
		return err
	}
	if o.alarmed != nil {
		if err := o.alarmed.ring(o, t); err != nil {
			return err
		}
	}
	s.send()
	o.setAlarm()
	s.ctx.Watermark(t)
	return nil
}

// Woken implements operator.Waking: processing time has passed.
func (o *Process[K, U]) Woken() error {
	s := &o.scope
	o.alarm = event.MaxTime
	o.tick()
	if err := o.fire(&s.processing, event.At(s.ctx.Now()), ProcessingTimer); err != nil {
		return err
	}
	s.send()
	o.setAlarm()
	return nil
}

// setAlarm asks to be woken for the first timer in processing time.
func (o *Process[K, U]) setAlarm() {
	first, ok := o.scope.processing.earliest()
	if !ok {
		first = event.MaxTime
	}
	switch {
	case first == o.alarm:
	case !ok:
		o.scope.ctx.WakeAt(time.Time{})
	default:
		o.scope.ctx.WakeAt(first.Std())
	}
	o.alarm = first
}

// fire calls the function for all timers up to a time, also those that it sets
// meanwhile.
func (o *Process[K, U]) fire(q *timers, upTo event.Time, kind TimerKind) error {
	s := &o.scope
	for n := 0; ; n++ {
		t, ok := q.pop(upTo)
		if !ok {
			return nil
		}
		if n%yieldTimers == yieldTimers-1 {
			s.ctx.Yield()
			o.tick()
		}
		if kind == EventTimer && upTo == event.MaxTime {
			if o.ending--; o.ending < 0 {
				return fmt.Errorf("OnTimer sets event timers without end after the input has ended, when all of them fire at once: set none when the watermark is event.MaxTime")
			}
		}
		if err := o.fireOne(t, kind); err != nil {
			return err
		}
	}
}

func (o *Process[K, U]) fireOne(t timer, kind TimerKind) error {
	s := &o.scope
	key, err := o.recall(t.slot, t.hash)
	if err != nil {
		return fmt.Errorf("the key of a timer is lost: %w", err)
	}
	s.key, s.hash, s.slot, s.time = key, t.hash, t.slot, t.time
	switch {
	case kind == ProcessingTimer:
		s.time = s.present()
	case t.time <= s.passed: // set too late; what it emits is not
		s.time = s.passed + 1
	}
	s.store.Use(t.slot)
	s.unpin(t.slot)
	if err := o.call(t.time, kind); err != nil {
		if err := s.ctx.Reject(FiredTimer[K]{Key: key, At: t.time}, s.time, err); err != nil {
			return err
		}
	}
	o.one[0], o.oneHash[0], o.oneSlot[0] = key, t.hash, t.slot
	return o.settleKeys(o.one[:], o.oneHash[:], o.oneSlot[:])
}

// FiredTimer is what a dead letter holds when OnTimer has failed.
type FiredTimer[K any] struct {
	Key K          `json:"key"`
	At  event.Time `json:"timer"`
}

func (o *Process[K, U]) call(at event.Time, kind TimerKind) (err error) {
	defer func() { caught(recover(), &err) }()
	return o.f.OnTimer(&o.scope, at, kind)
}

// Finish implements operator.Operator. Timers in processing time are dropped:
// the input of a bounded job ends at a time of day that means nothing.
func (o *Process[K, U]) Finish() error {
	s := &o.scope
	if n := s.processing.len(); n > 0 {
		s.ctx.Count("timers_dropped", int64(n))
	}
	s.ctx.WakeAt(time.Time{})
	o.publish()
	return nil
}

// Close implements operator.Operator.
func (o *Process[K, U]) Close() error {
	if o.scope.backend == nil {
		return nil
	}
	return o.scope.backend.Close()
}
