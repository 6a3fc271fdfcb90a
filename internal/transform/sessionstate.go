package transform

import (
	"fmt"

	"github.com/affluxdev/afflux/state"
)

// Names of what a Session keeps: alarms, the keys that an early result is due
// for, and the tables of the first sessions of all keys (0), the second, ...
const (
	earlyName = "early"
	levelName = "level=%d"
)

// sessionProgress is what a Session keeps beside that.
type sessionProgress struct {
	defined
	reached
}

// Snapshot implements operator.Stateful.
func (o *Session[K, T, A, U]) Snapshot(s state.Snapshot) error {
	if err := keepProgress(s, &sessionProgress{defined{o.sessions.def.String()}, reached{o.watermark}}); err != nil {
		return err
	}
	s.Keyed(alarmsName, o.alarms.capture())
	if len(o.changed) > 0 {
		early := &alarmCapture[K]{}
		early.add(o.changed)
		o.lent = true
		s.Keyed(earlyName, early)
	}
	return o.tables.all.Snapshot(s, func(yield func(string, state.Table[K, Activity[A]]) bool) {
		if !yield(fmt.Sprintf(levelName, 0), o.sessions.table) {
			return
		}
		for i, t := range o.sessions.beyond {
			if !yield(fmt.Sprintf(levelName, i+1), t) {
				return
			}
		}
	})
}

// Restore implements operator.Stateful.
func (o *Session[K, T, A, U]) Restore(r state.Restoration) error {
	_, all, err := kept[sessionProgress](r.Blobs)
	if err != nil {
		return err
	}
	for i, p := range all {
		if err := p.check(o.sessions.def.String()); err != nil {
			return err
		}
		if i == 0 {
			o.watermark = p.Time
		}
		o.watermark = min(o.watermark, p.Time)
	}
	if err := r.Keyed(alarmsName, alarmsFrom(r.Owns, o.alarms.add)); err != nil {
		return fmt.Errorf("alarms: %w", err)
	}
	early := func(a alarm[K]) { o.changed = append(o.changed, a) }
	if err := r.Keyed(earlyName, alarmsFrom(r.Owns, early)); err != nil {
		return fmt.Errorf("early results: %w", err)
	}
	if len(o.changed) > 0 {
		o.ticker.start(o.ctx)
	}
	beyond := o.sessions.beyond
	err = o.tables.all.Restore(r, func(name string, t state.Table[K, Activity[A]]) error {
		var level int
		if _, err := fmt.Sscanf(name, levelName, &level); err != nil || level < 0 || level > maxLevels || name != fmt.Sprintf(levelName, level) {
			return unclaimed(r, name)
		}
		if level == 0 {
			o.sessions.table = t
			return nil
		}
		for len(beyond) < level {
			beyond = append(beyond, nil)
		}
		beyond[level-1] = t
		return nil
	})
	if err != nil {
		return err
	}
	for i, t := range beyond {
		if t == nil {
			beyond[i] = o.sessions.make()
		}
	}
	o.sessions.beyond = beyond
	return nil
}

// maxLevels bounds what a damaged name asks for.
const maxLevels = 1 << 16
