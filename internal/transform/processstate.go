package transform

import (
	"cmp"
	"fmt"
	"io"
	"reflect"
	"slices"
	"unsafe"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
)

// Names of what a Process operator keeps beside its states.
const (
	timersName = "timers"
	alarmsName = "alarms"
)

// Snapshot implements operator.Stateful.
func (o *Process[K, U]) Snapshot(s state.Snapshot) error {
	c := &o.scope
	if err := o.knowKeys(); err != nil {
		return err
	}
	if err := keepProgress(s, &reached{c.watermark}); err != nil {
		return err
	}
	s.Keyed(timersName, &timersOfKeys[K]{event: c.event.capture(), processing: c.processing.capture(), pages: c.keys.capture()})
	if c.alarms != nil {
		s.Keyed(alarmsName, c.alarms.capture())
	}
	return c.backend.Snapshot(s)
}

// rememberKeys begins to remember the keys of timers, of which there are none.
func (s *Scope[K, U]) rememberKeys() {
	s.keys, s.event.captured, s.processing.captured = &slotKeys[K]{}, true, true
}

// knowKeys begins to remember the keys of timers with the first snapshot, where
// it was not known that there would be one.
func (o *Process[K, U]) knowKeys() error {
	c := &o.scope
	if c.keys != nil {
		return nil
	}
	c.keys = &slotKeys[K]{}
	for _, q := range []*timers{&c.event, &c.processing} {
		all := q.capture()
		err := all.each(func(t timer, _ uint32) error {
			k, err := c.backend.Recall(t.slot, t.hash)
			if err != nil {
				return fmt.Errorf("the key of a timer is lost: %w", err)
			}
			c.keys.set(t.slot, k)
			o.one[0], o.oneHash[0], o.oneSlot[0] = k, t.hash, t.slot
			return c.backend.Settle(o.one[:], o.oneHash[:], o.oneSlot[:])
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// timersOfKeys is what both queues held at one moment, and the keys of slots.
type timersOfKeys[K comparable] struct {
	event, processing timerCapture
	pages             []*keyPage[K]
}

// Write implements state.Capture.
func (c *timersOfKeys[K]) Write(w io.Writer) error {
	d, err := newDueWriter(w, reflect.TypeFor[K]())
	if err != nil {
		return err
	}
	for kind, q := range []*timerCapture{EventTimer: &c.event, ProcessingTimer: &c.processing} {
		err := q.each(func(t timer, age uint32) error {
			return d.add(due{at: t.time, hash: t.hash, kind: TimerKind(kind), age: age}, unsafe.Pointer(keyIn(c.pages, t.slot)))
		})
		if err != nil {
			return err
		}
	}
	return d.end()
}

// Release implements state.Capture.
func (c *timersOfKeys[K]) Release() { *c = timersOfKeys[K]{} }

// Restore implements operator.Stateful.
func (o *Process[K, U]) Restore(r state.Restoration) error {
	c := &o.scope
	if err := c.backend.Restore(r); err != nil {
		return err
	}
	c.rememberKeys()
	w, err := reachedBefore(c.ctx, r)
	if err != nil {
		return err
	}
	c.watermark, c.passed = w, w
	if err := r.Keyed(timersName, o.restoreTimers(r)); err != nil {
		return fmt.Errorf("timers: %w", err)
	}
	if c.alarms != nil {
		if err := r.Keyed(alarmsName, alarmsFrom(r.Owns, c.alarms.add)); err != nil {
			return fmt.Errorf("alarms: %w", err)
		}
	}
	o.setAlarm()
	return nil
}

// restoreTimers sets the timers of a piece again, in the order in which they
// were set.
func (o *Process[K, U]) restoreTimers(r state.Restoration) func(io.Reader) error {
	type keyed struct {
		due
		key K
	}
	return func(in io.Reader) error {
		var all []keyed
		processing := 0
		if err := readDues(in, func(v due, key K) {
			if r.Owns(v.hash) {
				all = append(all, keyed{v, key})
				processing += int(v.kind)
			}
		}); err != nil {
			return err
		}
		for kind, n := range [...]int{EventTimer: len(all) - processing, ProcessingTimer: processing} {
			o.scope.queue(TimerKind(kind)).set.reserve(n)
		}
		slices.SortFunc(all, func(a, b keyed) int { return cmp.Compare(b.age, a.age) })
		var keys [chunk]K
		var hashes [chunk]uint64
		var slots [chunk]uint32
		for from := 0; from < len(all); from += chunk {
			some := all[from:min(from+chunk, len(all))]
			for i := range some {
				keys[i], hashes[i] = some[i].key, some[i].hash
			}
			n := len(some)
			if err := o.scope.backend.Select(keys[:n], hashes[:n], slots[:n]); err != nil {
				return err
			}
			for i, v := range some {
				o.scope.setTimer(v.kind, v.at, v.key, v.hash, slots[i])
			}
			if err := o.scope.backend.Settle(keys[:n], hashes[:n], slots[:n]); err != nil {
				return err
			}
		}
		return nil
	}
}

// setTimer sets a timer of any key in use.
func (s *Scope[K, U]) setTimer(kind TimerKind, at event.Time, key K, hash uint64, slot uint32) {
	if !s.queue(kind).add(at, hash, slot) {
		return
	}
	if s.keys != nil && !s.store.Pinned(slot) {
		own := key
		if s.copyKey != nil {
			s.copyKey(&own)
		}
		s.keys.set(slot, own)
	}
	s.store.Pin(slot)
}

// unpin ends what setTimer began, when a timer fires or is deleted.
func (s *Scope[K, U]) unpin(slot uint32) {
	s.store.Unpin(slot)
	if s.keys != nil && s.copyKey != nil && !s.store.Pinned(slot) {
		var none K
		s.keys.set(slot, none)
	}
}
