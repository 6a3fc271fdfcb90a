// Package source reads Nexmark's events into a job.
package source

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/affluxdev/afflux/bench/nexmark/generator"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// Events reads all events of a configuration. They are dealt out by their
// number, so that any number of subtasks reads the same events: subtask i of n
// has every nth, from i on, as one split. Each comes with its event time.
//
// Without options their times go up, unless the configuration mixes them.
func Events(c generator.Config, options ...Option) connector.Source[schema.Event] {
	s := source{config: c}
	for _, o := range options {
		o(&s)
	}
	return s
}

// Option changes how events come.
type Option func(*source)

// Shuffled delays each event by up to bound of event time, at random but the
// same in each run with the same seed: one comes at most bound after a later
// one of its split. What is delayed is kept in memory, so that is all events of
// the bound.
func Shuffled(seed int64, bound time.Duration) Option {
	return func(s *source) { s.seed, s.bound = seed, bound }
}

type source struct {
	config generator.Config
	seed   int64
	bound  time.Duration
}

// Describe implements connector.Source.
func (s source) Describe() connector.Description {
	return connector.Description{Kind: "nexmark", Target: fmt.Sprintf("%d events", s.config.Events), Bounded: true}
}

// Open implements connector.Source.
func (s source) Open(_ context.Context, sub connector.Subtask) (connector.Reader[schema.Event], error) {
	g, err := generator.New(s.config)
	switch {
	case err != nil:
		return nil, err
	case s.bound < 0:
		return nil, fmt.Errorf("nexmark: events are shuffled within %v: the bound must not be negative", s.bound)
	case s.bound > 0 && s.config.OutOfOrderGroup > 1:
		return nil, errors.New("nexmark: Shuffled and OutOfOrderGroup both mix events: choose one")
	}
	var positions [][]byte
	if sub.Resume != nil {
		for _, split := range sub.Resume.Splits {
			positions = append(positions, split.Position)
		}
	}
	place, held, err := connector.ResumeSequence(sub.Index, sub.Parallelism, positions)
	if err != nil {
		return nil, fmt.Errorf("nexmark: %w", err)
	}
	r := reader{g: g, place: place}
	if s.bound == 0 {
		if len(held) > 0 {
			return nil, errors.New("nexmark: the checkpoint is of a job that shuffled events: go on with Shuffled, and the same bound")
		}
		return &r, nil
	}
	sh := &shuffler{reader: r, seed: s.seed, bound: s.bound}
	for _, i := range held {
		if i >= g.Len() {
			return nil, fmt.Errorf("nexmark: the checkpoint has event %d of %d: go on with the same events", i, g.Len())
		}
		sh.delay(g.At(i), i)
	}
	return sh, nil
}

// at is a time of Nexmark as the engine has it.
func at(ms int64) event.Time { return event.Time(ms * int64(time.Millisecond)) }

// reader reads events in order.
type reader struct {
	g     *generator.Generator
	place *connector.Sequence
}

// Poll implements connector.Reader.
func (r *reader) Poll(dst *event.Records[schema.Event], limit connector.Limit) (connector.Status, error) {
	for n, bytes := 0, int64(0); n < limit.Records && bytes < limit.Bytes && r.place.Next() < r.g.Len(); n++ {
		e := r.g.At(r.place.Next())
		r.place.Advance(1)
		dst.Append(e, at(e.DateTime()))
		bytes += size(&e)
	}
	return r.status(r.place.Next() >= r.g.Len()), nil
}

// size is what an event takes in a batch.
func size(e *schema.Event) int64 { return 32 + int64(e.PayloadBytes()) }

func (r *reader) status(done bool) connector.Status {
	if done {
		return connector.Status{State: connector.Done}
	}
	return connector.Status{State: connector.Ready}
}

// Positions implements connector.Positioned.
func (r *reader) Positions() ([]connector.Split, error) { return r.positions(nil) }

func (r *reader) positions(held []int64) ([]connector.Split, error) {
	return []connector.Split{{ID: r.place.ID(), Position: r.place.AppendPosition(nil, held)}}, nil
}

// Close implements connector.Reader.
func (r *reader) Close() error { return nil }
