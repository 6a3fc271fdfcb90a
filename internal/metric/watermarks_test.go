package metric

import (
	"testing"

	"github.com/affluxdev/afflux/event"
)

func TestMergedWatermarks(t *testing.T) {
	at := func(wm event.Time) Subtask { return Subtask{Watermark: wm} }
	idle := func(wm event.Time) Subtask { return Subtask{Watermark: wm, WatermarkIdle: true} }
	for _, c := range []struct {
		name string
		of   []Subtask
		want event.Time
		ok   bool
	}{
		{"none", nil, event.MinTime, false},
		{"the slowest", []Subtask{at(7), at(5)}, 5, true},
		{"an idle one holds nobody back", []Subtask{idle(3), at(7), idle(9), at(8)}, 7, true},
		{"all are idle", []Subtask{idle(3), idle(9)}, 9, true},
		{"nothing known of one", []Subtask{at(7), at(event.MinTime)}, event.MinTime, true},
		{"the others have ended", []Subtask{at(event.MaxTime), idle(3)}, 3, true},
		{"the others have ended before it began", []Subtask{at(event.MaxTime), idle(event.MinTime)}, event.MinTime, true},
		{"all have ended", []Subtask{at(event.MaxTime), at(event.MaxTime)}, event.MaxTime, true},
		{"idle from the start", []Subtask{idle(event.MinTime)}, event.MinTime, true},
	} {
		var w Watermarks
		for i := range c.of {
			w.Add(&c.of[i])
		}
		if got, ok := w.Merged(); got != c.want || ok != c.ok {
			t.Errorf("%s: %v, %v; want %v, %v", c.name, got, ok, c.want, c.ok)
		}
	}
}
