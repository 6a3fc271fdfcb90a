package follow

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// producer is a source that makes records as fast as its valve allows. While
// the valve is shut it is idle, as a source without data is.
type producer struct{ valve *valve }

func (p *producer) Describe() connector.Description {
	return connector.Description{Kind: "producer", MaxParallelism: 1}
}

func (p *producer) Open(context.Context, connector.Subtask) (connector.Reader[Record], error) {
	return &reader{valve: p.valve}, nil
}

type reader struct {
	valve *valve
	next  int64
}

func (r *reader) Poll(dst *event.Records[Record], limit connector.Limit) (connector.Status, error) {
	if d := r.valve.shut(); d > 0 {
		return connector.Status{State: connector.Idle, After: d}, nil
	}
	n := limit.Records
	dst.Grow(n)
	dst.Values, dst.Times = dst.Values[:n], dst.Times[:n]
	fill(dst.Values, dst.Times, r.next)
	r.next += int64(n)
	r.valve.pass(n)
	return connector.Status{}, nil
}

func (r *reader) Close() error { return nil }

// consumer is a sink that takes records as fast as its valve allows. While the
// valve is shut it takes none, as a sink does whose outside system presses,
// and wakes the engine when it opens.
type consumer struct {
	valve *valve
	sum   atomic.Uint64
}

func (c *consumer) Describe() connector.Description {
	return connector.Description{Kind: "consumer", MaxParallelism: 1}
}

func (c *consumer) Open(_ context.Context, sub connector.Subtask) (connector.Writer[Record], error) {
	w := &writer{consumer: c, timer: time.AfterFunc(time.Hour, sub.Wake)}
	w.timer.Stop()
	return w, nil
}

type writer struct {
	consumer *consumer
	timer    *time.Timer
	sum      uint64
}

func (w *writer) Write(b *event.Records[Record], from int) (int, error) {
	v := w.consumer.valve
	if d := v.shut(); d > 0 {
		w.timer.Reset(d)
		return 0, nil
	}
	n := len(b.Values) - from
	w.sum += fold(b.Values[from:])
	v.pass(n)
	return n, nil
}

func (w *writer) Flush(context.Context) error { return nil }

func (w *writer) Close() error {
	w.timer.Stop()
	w.consumer.sum.Store(w.sum)
	return nil
}
