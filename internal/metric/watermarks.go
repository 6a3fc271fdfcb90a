package metric

import "github.com/affluxdev/afflux/event"

// Watermarks merges the watermarks of subtasks, as an operator does that reads
// from all of them. The zero value has none.
type Watermarks struct {
	active, idle, ended bool // whether there are such subtasks
	lowest, furthest    event.Time
}

// Add takes a subtask in.
func (w *Watermarks) Add(s *Subtask) {
	switch {
	case s.Watermark == event.MaxTime:
		w.ended = true
	case !s.WatermarkIdle:
		if !w.active || s.Watermark < w.lowest {
			w.lowest = s.Watermark
		}
		w.active = true
	default:
		if !w.idle || s.Watermark > w.furthest {
			w.furthest = s.Watermark
		}
		w.idle = true
	}
}

// Merged is the lowest watermark of those that are not idle, or the furthest
// when all are; false, and event.MinTime, when there are none.
func (w *Watermarks) Merged() (event.Time, bool) {
	switch {
	case w.active:
		return w.lowest, true
	case w.idle:
		return w.furthest, true
	case w.ended:
		return event.MaxTime, true
	}
	return event.MinTime, false
}
