package task

import (
	"context"
	"errors"
	"runtime/pprof"

	"github.com/affluxdev/afflux/internal/metric"
)

// labelled is the context with the label of an operator for CPU profiles.
func labelled(operator string) context.Context {
	return pprof.WithLabels(context.Background(), pprof.Labels(metric.ProfileLabel, operator))
}

// label gives the goroutine to the operator in profiles. Goroutines that it
// starts inherit that.
func (l *link) label() { pprof.SetGoroutineLabels(l.labels) }

// turnTo moves the task to an operator of its chain.
func (t *Task) turnTo(l *link) {
	t.pace.at = l
	if metric.Profiling() {
		l.label()
	}
}

// opening calls f, which may start goroutines of the operator: they have its
// label, and that of the caller does not change.
func (l *link) opening(f func() error) error {
	err := errors.New("opening did not come to its end")
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.label()
		err = guarded(f)
	}()
	<-done
	return err
}

// Go implements operator.Context.
func (l *link) Go(f func(ctx context.Context)) {
	l.t.host.Go(func(ctx context.Context) {
		l.label()
		f(ctx)
	})
}
