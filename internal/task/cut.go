package task

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/exchange"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
)

// cut is the part of a task in one checkpoint: what its operators handed over,
// and the records in flight that belong to it. It is filled by the task and then
// stored by another goroutine.
type cut struct {
	p       *barriers
	barrier checkpoint.Barrier
	parts   []*piece
	lanes   map[int]*flight // by channel of the gate
	flights []*flight
	metrics checkpoint.Metrics
	ended   bool  // it was taken after the outputs had ended
	err     error // why it cannot be part of a checkpoint
}

// piece is what one operator handed over.
type piece struct {
	cut      *cut
	operator string
	state    checkpoint.SubtaskState
	keyed    []keyedPiece
	files    []filePiece
	releases []func()
	durable  func(ctx context.Context) error
}

type keyedPiece struct {
	name    string
	capture state.Capture
}

// filePiece is a file of its own: a copy of what is opened or, if that is nil,
// what a capture writes.
type filePiece struct {
	name, id string
	open     func() (io.ReadCloser, error)
	capture  state.Capture // nil when it is released
	kept     *sharedFile   // what is referred to instead
}

func (f *filePiece) write(to io.Writer) (err error) {
	if f.capture != nil {
		return f.capture.Write(to)
	}
	in, err := f.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	_, err = io.Copy(to, in)
	return err
}

func (f *filePiece) release() {
	if f.capture != nil {
		f.capture.Release()
		f.capture = nil
	}
}

// flight is records that were on their way on one channel.
type flight struct {
	checkpoint.InFlight
	codec *exchange.RecordCodec
	data  []byte
	taken uint64 // batches of the channel that were consumed before the snapshot
	skip  uint64 // of those that the sender kept
}

func newCut(p *barriers, a checkpoint.Snapshot) *cut {
	return &cut{p: p, barrier: a.Barrier, lanes: map[int]*flight{},
		metrics: checkpoint.Metrics{StartDelay: a.StartDelay, Alignment: a.Alignment}}
}

// fail keeps the first error, with the operator's name.
func (c *cut) fail(l *link, err error) {
	if c.err == nil {
		c.err = fmt.Errorf("operator %q: %w", l.node.Name, err)
	}
}

// Names of what the engine keeps beside what operators keep.
const (
	blobPrefix = "blob:"
	filePrefix = "file:"
	keptMark   = "task:watermark"
	keptHeld   = "task:held"
)

// link takes what one operator of the chain remembers.
func (c *cut) link(l *link) error {
	w := &piece{cut: c, operator: l.node.Name}
	c.parts = append(c.parts, w)
	t := l.t
	if l == t.links[0] {
		w.put(keptMark, appendTime(nil, t.watermark()))
	}
	switch {
	case t.source != nil && l == t.source.link:
		at, err := t.source.positions()
		w.state.Splits = splitsOf(at)
		t.source.remember(c.barrier.ID, at)
		return err
	case t.sink != nil && l == t.sink.link:
		return t.sink.snapshot(w)
	}
	if op, ok := l.op.(operator.Stateful); ok {
		return guarded(func() error { return op.Snapshot(w) })
	}
	return nil
}

func (w *piece) put(name string, data []byte) {
	w.state.Blobs = append(w.state.Blobs, checkpoint.Blob{Name: name, Data: append([]byte(nil), data...)})
}

// Savepoint implements state.Snapshot.
func (w *piece) Savepoint() bool { return w.cut.barrier.Kind == checkpoint.Savepoint }

// Blob implements state.Snapshot.
func (w *piece) Blob(name string, data []byte) { w.put(blobPrefix+name, data) }

// Keyed implements state.Snapshot.
func (w *piece) Keyed(name string, c state.Capture) { w.keyed = append(w.keyed, keyedPiece{name, c}) }

// File implements state.Snapshot.
func (w *piece) File(name, id string, open func() (io.ReadCloser, error)) {
	w.files = append(w.files, filePiece{name: name, id: id, open: open})
}

// Unchanging implements state.Snapshot.
func (w *piece) Unchanging(name, id string, c state.Capture) {
	w.files = append(w.files, filePiece{name: name, id: id, capture: c})
}

// Release implements state.Snapshot.
func (w *piece) Release(f func()) { w.releases = append(w.releases, f) }

// edge finds an edge of the chain by its number in the plan.
func edge(list []graph.Edge, id int) graph.Edge {
	for _, e := range list {
		if e.ID == id {
			return e
		}
	}
	panic(fmt.Errorf("edge %d is none of the chain's", id))
}

func (c *cut) flight(e graph.Edge, from, to int, sent bool) *flight {
	f := &flight{InFlight: checkpoint.InFlight{Edge: c.p.t.cfg.Plan.ArrowName(e), From: from, To: to, Sent: sent}}
	codec, err := exchange.NewRecordCodec(e.Type)
	if err != nil {
		c.err = errors.Join(c.err, fmt.Errorf("records of %s cannot be stored with an unaligned checkpoint: %w", f.Edge, err))
	}
	f.codec = codec
	c.flights = append(c.flights, f)
	return f
}

func (f *flight) add(b event.Batch) (err error) {
	if f.codec == nil {
		return nil // it has failed
	}
	if f.data == nil {
		f.data = f.codec.AppendHeader(nil)
	}
	f.data, err = f.codec.Append(f.data, b)
	return err
}

// write writes the piece of a checkpoint that it is. What a receiver had begins
// with how many batches, of those that the sender kept, it had processed.
func (f *flight) write(to io.Writer) error {
	if !f.Sent {
		if _, err := to.Write(binary.AppendUvarint(nil, f.skip)); err != nil {
			return err
		}
	}
	_, err := to.Write(f.data)
	return err
}

// lane begins what the barrier overtakes in a channel: it is noted even where
// that is nothing, so that what the sender kept is known to be missing too.
func (c *cut) lane(channel int) {
	ch := c.p.t.gate.Channel(channel)
	f := c.flight(edge(c.p.t.cfg.Chain.In, ch.Plan), ch.From, ch.To, false)
	f.taken = c.p.t.gate.Taken(channel)
	c.lanes[channel] = f
}

// sent takes a batch that the task could not send before the barrier.
func (c *cut) sent(o *exchange.Output, k exchange.Kept) {
	t := c.p.t
	for i := range t.outputs {
		if t.outputs[i] != o {
			continue
		}
		f := c.kept(edge(t.cfg.Chain.Out, t.edges[i]), k.Channel)
		if err := f.add(k.Batch); err != nil && c.err == nil {
			c.err = err
		}
	}
}

// kept is the flight of a channel that the task sends on.
func (c *cut) kept(e graph.Edge, ch *exchange.Channel) *flight {
	name := c.p.t.cfg.Plan.ArrowName(e)
	for _, f := range c.flights {
		if f.Sent && f.Edge == name && f.From == ch.From && f.To == ch.To {
			return f
		}
	}
	return c.flight(e, ch.From, ch.To, true)
}

// drop releases what will not be stored.
func (c *cut) drop() {
	for _, w := range c.parts {
		for _, k := range w.keyed {
			k.capture.Release()
		}
		for i := range w.files {
			w.files[i].release()
		}
		for _, f := range w.releases {
			f()
		}
	}
}

// store writes everything, outside of the task, and tells the job.
func (c *cut) store(ctx context.Context) {
	defer c.drop()
	p := c.p
	began := time.Now()
	w := &recorder{ctx: ctx, p: p, barrier: c.barrier}
	err := c.err
	if err == nil {
		err = guarded(func() error { return c.write(w) })
	}
	err = errors.Join(err, w.close(err == nil))
	if err != nil {
		p.job.Decline(checkpoint.Decline{Subtask: p.id, ID: c.barrier.ID, Reason: err.Error(), Cause: err, Files: w.written})
		return
	}
	c.metrics.Async = time.Since(began)
	c.metrics.Bytes = w.bytes
	if c.barrier.Kind == checkpoint.Checkpoint {
		p.files.written(c.barrier.ID, w.kept)
	}
	p.job.Acknowledge(checkpoint.Acknowledgement{Subtask: p.id, ID: c.barrier.ID, Ended: c.ended, Part: w.finish(), Metrics: c.metrics})
}

func (c *cut) write(w *recorder) error {
	index, of := c.p.t.links[0].Subtask()
	first, last := event.GroupRange(index, of)
	if last--; last < first {
		first, last = 0, event.KeyGroups-1
	}
	for _, x := range c.parts {
		w.refer(x)
	}
	for _, x := range c.parts {
		if x.durable != nil {
			if err := x.durable(w.ctx); err != nil {
				return fmt.Errorf("operator %q: what was written is not durable: %w", x.operator, err)
			}
		}
		if err := w.blobs(x); err != nil {
			return err
		}
		for _, k := range x.keyed {
			r, err := w.ranged(k.capture.Write)
			if err != nil {
				return fmt.Errorf("operator %q: state %q: %w", x.operator, k.name, err)
			}
			x.state.Keyed = append(x.state.Keyed, checkpoint.Keyed{State: k.name, First: first, Last: last, Range: r})
		}
		for i := range x.files {
			f := &x.files[i]
			if err := w.file(x, f); err != nil {
				return fmt.Errorf("operator %q: file %q: %w", x.operator, f.name, err)
			}
		}
		w.part.Operators = append(w.part.Operators, checkpoint.OperatorPart{Operator: x.operator, State: x.state})
	}
	for _, f := range c.flights {
		r, err := w.ranged(f.write)
		if err != nil {
			return err
		}
		f.Range = r
		c.metrics.InFlight += r.Length
		w.part.InFlight = append(w.part.InFlight, f.InFlight)
	}
	return nil
}

// splitsOf turns the positions of a reader into those of a manifest.
func splitsOf(list []connector.Split) []checkpoint.Split {
	out := make([]checkpoint.Split, len(list))
	for i, s := range list {
		out[i] = checkpoint.Split{ID: s.ID, Position: append([]byte(nil), s.Position...)}
	}
	return out
}
