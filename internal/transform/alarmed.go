package transform

import (
	"time"

	"github.com/affluxdev/afflux/event"
)

// Alarmed is a Program that looks at keys again at event times, without
// keeping their states in memory until then.
type Alarmed[K comparable, U any] interface {
	// OnAlarm is called once for each SetAlarm, with its key as the current one,
	// when the watermark has reached the time. Several keys that are due at one
	// watermark come in any order.
	OnAlarm(s *Scope[K, U], at event.Time) error
	// AlarmSpan is how long it usually takes from SetAlarm to the alarm, in
	// event time.
	AlarmSpan() time.Duration
}

// alarmed calls OnAlarm for keys that are looked up a chunk at a time.
type alarmed[K comparable, U any] struct {
	f      Alarmed[K, U]
	queue  *alarms[K]
	keys   [chunk]K
	hashes [chunk]uint64
	slots  [chunk]uint32
	dues   [chunk]event.Time
}

func newAlarmed[K comparable, U any](f Alarmed[K, U]) *alarmed[K, U] {
	return &alarmed[K, U]{f: f, queue: newAlarms[K](f.AlarmSpan())}
}

// ring calls OnAlarm for all that are due at a watermark, also those that are
// set meanwhile.
func (a *alarmed[K, U]) ring(o *Process[K, U], watermark event.Time) error {
	s := &o.scope
	for n := chunk; n == chunk; {
		for n = 0; n < chunk; n++ {
			due, ok := a.queue.pop(watermark)
			if !ok {
				break
			}
			a.keys[n], a.hashes[n], a.dues[n] = due.key, due.hash, due.at
		}
		if n == 0 {
			return nil
		}
		if err := o.selectKeys(a.keys[:n], a.hashes[:n], a.slots[:n]); err != nil {
			return err
		}
		for i := range n {
			s.key, s.hash, s.slot, s.time = a.keys[i], a.hashes[i], a.slots[i], s.present()
			s.store.Use(s.slot)
			if err := a.f.OnAlarm(s, a.dues[i]); err != nil {
				return err
			}
			if i%yieldTimers == yieldTimers-1 {
				s.ctx.Yield()
				o.tick()
			}
		}
		if err := o.settleKeys(a.keys[:n], a.hashes[:n], a.slots[:n]); err != nil {
			return err
		}
	}
	return nil
}
