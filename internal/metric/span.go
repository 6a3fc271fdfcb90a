package metric

import "time"

// Span is how a marker passed one operator.
type Span struct {
	// Operator and Kind are those of the operator, Subtask is its instance.
	Operator, Kind string
	Subtask        int
	// Queued is when the sender passed the marker on, Taken when the operator
	// came to it, and Left when it had passed it on in turn. Queued is Taken where
	// the sender runs in the same task, and at a source.
	Queued, Taken, Left time.Time
	// InFlight is how many bytes were on the way in the channel when the marker
	// was put there, -1 where there is no channel.
	InFlight int64
}

// Tracer makes traces of markers. Any goroutine may call its methods.
type Tracer interface {
	// Begin begins a trace with the span of a source. It returns nil for a trace
	// that nobody wants.
	Begin(s Span) Trace
}

// Trace is one trace that has begun. Any goroutine may call its methods.
type Trace interface {
	// Pass adds the span of an operator.
	Pass(s Span)
}
