package simtest

import (
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

// spans checks the traces of markers: a marker is nowhere before it has left where
// it was.
type spans struct{ w *world }

// Begin implements metric.Tracer.
func (s spans) Begin(m metric.Span) metric.Trace {
	t := &trail{w: s.w}
	t.Pass(m)
	return t
}

// trail is one trace.
type trail struct {
	w    *world
	left time.Time // the last operator
	from string
}

// Pass implements metric.Trace.
func (t *trail) Pass(m metric.Span) {
	t.w.spans++
	if m.Queued.Before(t.left) || m.Taken.Before(m.Queued) || m.Left.Before(m.Taken) || m.Left.After(time.Unix(0, t.w.clock)) {
		t.w.broken("a marker left %q at %v; sent to %q at %v, taken at %v, left at %v; it is %v", t.from, t.left.UnixNano(), m.Operator, m.Queued.UnixNano(), m.Taken.UnixNano(), m.Left.UnixNano(), t.w.clock)
	}
	t.left, t.from = m.Left, m.Operator
}
