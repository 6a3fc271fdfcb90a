package transform

import "github.com/affluxdev/afflux/operator"

// Operators that still owe results for event times are not idle, even when all
// of their inputs are: when records come again the results of one subtask would
// be late behind the watermark of another, which has heard of them before.

// Holding implements operator.Holding: there are windows that have not fired.
func (o *Window[K, T, A, U]) Holding() bool { return len(o.panes) > 0 || len(o.ahead) > 0 }

// Holding implements operator.Holding: there are windows that have not fired.
// The one of all time fires when the input ends, at no event time before.
func (o *Triggered[K, T, A, U]) Holding() bool {
	n := len(o.parts)
	return len(o.ahead) > 0 || n > 0 && o.parts[n-1].number > o.complete && !o.assigner.Unbounded()
}

// Holding implements operator.Holding: there are sessions.
func (o *Session[K, T, A, U]) Holding() bool { return o.alarms.len() > 0 }

// Holding implements operator.Holding: there are timers in event time.
func (o *Process[K, U]) Holding() bool {
	return o.scope.event.len() > 0 || o.alarmed != nil && o.alarmed.queue.len() > 0
}

// Holding implements operator.Holding.
func (o *WindowJoin[K, A, B, U]) Holding() bool {
	h, ok := o.inner.(operator.Holding)
	return ok && h.Holding()
}
