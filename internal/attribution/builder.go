package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/blackhole"
)

// builder puts the job of one case together: a graph asks it for operators by
// name, and it gives those where a bottleneck is planted the means to become one.
type builder struct {
	job         *afflux.Job
	parallelism int
	plants      map[string]*way // by operator
	planted     map[string]bool
	// on is the switch that all planted functions read.
	on atomic.Bool
	// rate is the records a second that come to each source, before and after.
	rate, surge float64
	// key of a record with a sequence number; nil for the number itself.
	key func(seq int64) int64
	// shape changes the topic of a healthy job.
	shape func(t *topic)

	cleanups []func()
	errs     []error
}

// What comes to a source, records a second: plainRate, less where each record
// costs a call, and more where it is work. That of calls decides where both are
// planted.
const (
	plainRate = 1000
	callsRate = 100
	workRate  = 2000
)

// few leaves a machine time that has none to spare, until more comes than calls
// can be made for.
func few(b *builder, _ string) {
	b.rate = callsRate * (1 + float64(b.parallelism)) / 2
	b.surge = 4 * b.rate
}

func many(b *builder, _ string) {
	if b.rate == plainRate {
		b.rate = workRate * float64(b.parallelism)
	}
}

// splitsOfTopic is enough for any parallelism.
const splitsOfTopic = 8

func newBuilder(c *Case) *builder {
	b := &builder{parallelism: c.Parallelism, plants: map[string]*way{}, planted: map[string]bool{}, rate: plainRate}
	options := []afflux.JobOption{afflux.Parallelism(c.Parallelism), afflux.Logger(slog.New(slog.DiscardHandler))}
	if !c.Chained {
		options = append(options, afflux.NoChaining())
	}
	b.job = afflux.NewJob(c.Name(), options...)
	for _, p := range c.Plants {
		w, ok := ways[p.How]
		if !ok {
			b.fail(fmt.Errorf("nothing is known of a bottleneck %q", p.How))
			continue
		}
		if !w.follows {
			b.plants[p.At] = w
		}
		if w.prepare != nil {
			w.prepare(b, p.At)
		}
	}
	if b.surge == 0 {
		b.surge = b.rate
	}
	return b
}

func (b *builder) fail(err error) { b.errs = append(b.errs, err) }

// finish builds the graph and tells what is wrong with it.
func (b *builder) finish(g graph) error {
	g(b)
	for at := range b.plants {
		if !b.planted[at] {
			b.fail(fmt.Errorf("the graph has no place for the bottleneck of %q", at))
		}
	}
	return errors.Join(b.errs...)
}

// close releases what the job has used; it has ended.
func (b *builder) close() {
	for i := len(b.cleanups) - 1; i >= 0; i-- {
		b.cleanups[i]()
	}
}

// way returns the bottleneck planted at an operator, nil if there is none.
func (b *builder) way(name string) *way {
	w := b.plants[name]
	if w != nil {
		b.planted[name] = true
	}
	return w
}

// source is a stream of records from a topic of that name.
func (b *builder) source(name string) *afflux.Stream[Record] {
	t := &topic{name: name, splits: splitsOfTopic, key: b.key}
	t.rate = func(time.Duration) float64 {
		if b.on.Load() {
			return b.surge
		}
		return b.rate
	}
	if b.shape != nil {
		b.shape(t)
	}
	var from connector.Source[Record] = t
	if w := b.way(name); w != nil && w.source != nil {
		from = w.source(b, t)
	}
	return afflux.From(b.job, name, from)
}

// stage is an operator that passes records on, with next to no work unless a
// bottleneck is planted there.
func (b *builder) stage(s *afflux.Stream[Record], name string) *afflux.Stream[Record] {
	if w := b.way(name); w != nil && w.stage != nil {
		return w.stage(b, s, name)
	}
	return s.Update(name, func(v *Record) { v.Fill[0]++ })
}

// sink ends a stream.
func (b *builder) sink(s *afflux.Stream[Record], name string) {
	if w := b.way(name); w != nil && w.sink != nil {
		s.To(name, w.sink(b, name))
		return
	}
	s.To(name, blackhole.Sink[Record]())
}

// service starts an outside system that ends with the case.
func (b *builder) service() *service {
	s, err := newService()
	if err != nil {
		b.fail(err)
		return nil
	}
	b.cleanups = append(b.cleanups, s.close)
	return s
}

// directory makes one that is deleted with the case.
func (b *builder) directory() string {
	dir, err := os.MkdirTemp("", "attribution-*")
	if err != nil {
		b.fail(err)
		return ""
	}
	b.cleanups = append(b.cleanups, func() { _ = os.RemoveAll(dir) })
	return dir
}

// background runs f until the case ends.
func (b *builder) background(f func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(ctx)
	}()
	b.cleanups = append(b.cleanups, func() { cancel(); <-done })
}

// onset runs f when the bottleneck is switched on.
func (b *builder) onset(f func()) {
	b.background(func(ctx context.Context) {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for !b.on.Load() {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
		f()
	})
}
