package task

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/exchange"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/operator"
)

// Restored is a checkpoint that a job goes on from. It is not changed.
type Restored struct {
	Manifest *checkpoint.Manifest
	Store    checkpoint.Store
	// AllowUnclaimed drops state that no operator takes up.
	AllowUnclaimed bool
}

func (r *Restored) operator(name string) *checkpoint.Operator {
	if r == nil {
		return nil
	}
	for i := range r.Manifest.Operators {
		if o := &r.Manifest.Operators[i]; o.Name == name {
			return o
		}
	}
	return nil
}

// resume is what the reader of a source is told.
func (r *Restored) resume(source string) *connector.Resume {
	o := r.operator(source)
	if o == nil {
		return nil
	}
	out := &connector.Resume{}
	for _, s := range o.Subtasks {
		for _, p := range s.Splits {
			out.Splits = append(out.Splits, connector.Split{ID: p.ID, Position: p.Position})
		}
	}
	return out
}

// Prepared are the handles that a sink has to commit, of all of its subtasks,
// and how many of those there were.
func (r *Restored) Prepared(sink string) (handles [][]byte, parallelism int) {
	o := r.operator(sink)
	if o == nil {
		return nil, 0
	}
	for _, s := range o.Subtasks {
		handles = append(handles, s.Prepared...)
	}
	return handles, o.Parallelism
}

// Check tells whether a plan can go on from the checkpoint: all that was kept
// must find the operator that kept it.
func (r *Restored) Check(p *graph.Plan) error {
	if r.Manifest.KeyGroups != event.KeyGroups {
		return fmt.Errorf("its keys are divided into %d groups, not %d", r.Manifest.KeyGroups, event.KeyGroups)
	}
	var all []error
	names, edges := map[string]bool{}, map[string]bool{}
	for to, n := range p.Nodes {
		names[n.Name] = true
		for i := range n.Inputs {
			edges[p.InputName(to, i)] = true
		}
	}
	for _, o := range r.Manifest.Operators {
		if !names[o.Name] && !r.AllowUnclaimed && keeps(o) {
			all = append(all, fmt.Errorf("it has state of an operator %q, which the job does not have any more", o.Name))
		}
	}
	for _, x := range r.Manifest.InFlight {
		if holds(x) && !edges[x.Edge] && !r.AllowUnclaimed {
			all = append(all, fmt.Errorf("it has records in flight on %s, an arrow that the job does not have any more: start from a savepoint, which has none", x.Edge))
			break
		}
	}
	return errors.Join(all...)
}

// keeps tells whether an operator kept anything that would be missed.
func keeps(o checkpoint.Operator) bool {
	return slices.ContainsFunc(o.Subtasks, func(s checkpoint.SubtaskState) bool {
		return len(s.Splits)+len(s.Keyed)+len(s.Prepared) > 0 ||
			slices.ContainsFunc(s.Blobs, func(b checkpoint.Blob) bool { return b.Name != keptMark })
	})
}

// Restore gives the operators what they kept. Open must have been called.
func (t *Task) Restore(ctx context.Context) error {
	r := t.cfg.Restored
	if r == nil {
		return nil
	}
	for _, l := range t.links {
		o := r.operator(l.node.Name)
		if o == nil {
			continue
		}
		w := newRestoration(ctx, r, o, l)
		var err error
		if op, ok := l.op.(operator.Stateful); ok {
			err = guarded(func() error { return op.Restore(w) })
		} else if t.sink != nil && l == t.sink.link {
			err = t.sink.restore(w)
		}
		if err != nil {
			return &Failure{Operator: l.node.Name, Subtask: t.cfg.Subtask, Err: fmt.Errorf("%s %d cannot be restored: %w", r.Manifest.Kind, r.Manifest.ID, err)}
		}
	}
	return nil
}

// resume goes on from where the snapshot was taken: the watermark first, then
// the records that were in flight.
func (t *Task) resume() {
	r := t.cfg.Restored
	if r == nil {
		return
	}
	first := t.links[0]
	if wm := t.mark(); wm != event.MinTime {
		t.pace.at = first
		if t.source != nil {
			t.source.marks.sent = wm
			first.Watermark(wm)
		} else {
			t.gate.Resume(wm)
			if err := first.op.Watermark(wm); err != nil {
				first.fail(err)
			}
			first.settle()
		}
	}
	for _, l := range t.links {
		for i := range l.node.Inputs {
			if err := t.replay(l, i); err != nil {
				l.fail(err)
			}
		}
	}
}

// mark is the lowest watermark that subtasks of the first operator had.
func (t *Task) mark() event.Time {
	o := t.cfg.Restored.operator(t.links[0].node.Name)
	if o == nil {
		return event.MinTime
	}
	low, any := event.MaxTime, false
	for _, s := range o.Subtasks {
		for _, b := range s.Blobs {
			if b.Name == keptMark {
				wm, err := readTime(b.Data)
				if err != nil {
					t.links[0].fail(err)
				}
				low, any = min(low, wm), true
			}
		}
	}
	if !any || low == event.MaxTime {
		return event.MinTime
	}
	return low
}

// watermark is that of the task's input.
func (t *Task) watermark() event.Time {
	if t.source != nil {
		return t.source.marks.sent
	}
	return t.gate.Watermark()
}

// replay processes the records that were in flight on an arrow to an operator, as
// far as they are this subtask's.
func (t *Task) replay(l *link, input int) error {
	r := t.cfg.Restored
	p := t.cfg.Plan
	in, name := l.node.Inputs[input], p.InputName(l.node.ID, input)
	index, of := l.Subtask()
	var codec *exchange.RecordCodec
	for _, x := range inFlight(r.Manifest, name) {
		take, err := dealt(x, in.Partition, r.operator(l.node.Name), index, of)
		if err != nil {
			return err
		}
		if take == nil {
			continue
		}
		if codec == nil {
			if codec, err = exchange.NewRecordCodec(p.Nodes[in.From].Outputs[in.Output]); err != nil {
				return err
			}
		}
		skip, err := r.skipped(t.host.Context(), x)
		if err == nil {
			err = r.flight(t.host.Context(), x, codec, func(b event.Batch) error {
				if skip > 0 {
					skip--
					return nil
				}
				if b = take(b); b.Len() > 0 {
					l.receive(exchange.Input{Batch: b, Bytes: b.Bytes(), Port: in.Port})
				}
				return nil
			})
		}
		if err != nil {
			return fmt.Errorf("records in flight on %s: %w", name, err)
		}
	}
	return nil
}

// inFlight are the records of an arrow in the order in which they are to be
// processed: what a receiver had, and then what its sender had kept. What a
// sender kept counts only where the barrier overtook it at the receiver; others
// have processed it before their snapshot.
func inFlight(m *checkpoint.Manifest, edge string) (out []checkpoint.InFlight) {
	type lane struct{ from, to int }
	overtaken := map[lane]bool{}
	for _, x := range m.InFlight {
		if x.Edge == edge && !x.Sent {
			overtaken[lane{x.From, x.To}] = true
			out = append(out, x)
		}
	}
	for _, x := range m.InFlight {
		if x.Edge == edge && x.Sent && overtaken[lane{x.From, x.To}] {
			out = append(out, x)
		}
	}
	return slices.DeleteFunc(out, func(x checkpoint.InFlight) bool { return !holds(x) })
}

// holds tells whether there are any records: a piece of a receiver begins with a
// number.
func holds(x checkpoint.InFlight) bool { return x.Sent && x.Range.Length > 0 || x.Range.Length > 1 }

// flight calls f for the batches of a piece.
func (r *Restored) flight(ctx context.Context, x checkpoint.InFlight, codec *exchange.RecordCodec, f func(event.Batch) error) error {
	return r.read(ctx, x.Range, func(from io.Reader) error {
		in := bufio.NewReader(from)
		if !x.Sent {
			if _, err := binary.ReadUvarint(in); err != nil {
				return err
			}
		}
		return codec.Read(in, f)
	})
}

// skipped is how many batches, of those that a sender kept, the receiver had
// processed before its snapshot.
func (r *Restored) skipped(ctx context.Context, x checkpoint.InFlight) (n uint64, err error) {
	if !x.Sent {
		return 0, nil
	}
	for _, o := range r.Manifest.InFlight {
		if o.Edge == x.Edge && o.From == x.From && o.To == x.To && !o.Sent {
			err = r.read(ctx, o.Range, func(from io.Reader) (err error) {
				n, err = binary.ReadUvarint(bufio.NewReader(from))
				return err
			})
		}
	}
	return n, err
}

// dealt tells which of the records a subtask takes: nil for none.
func dealt(x checkpoint.InFlight, by event.Partition, was *checkpoint.Operator, index, of int) (func(event.Batch) event.Batch, error) {
	all := func(b event.Batch) event.Batch { return b }
	if was == nil || was.Parallelism == of {
		if x.To == index {
			return all, nil
		}
		return nil, nil
	}
	switch by {
	case event.Hash:
		return func(b event.Batch) event.Batch { return owned(b, index, of) }, nil
	case event.Broadcast, event.Custom:
		return nil, fmt.Errorf("the parallelism has changed from %d to %d, and records in flight on %s cannot be dealt out anew: start from a savepoint, which has none", was.Parallelism, of, x.Edge)
	}
	if x.To%of == index {
		return all, nil
	}
	return nil, nil
}

// owned keeps the records whose keys belong to a subtask.
func owned(b event.Batch, index, of int) event.Batch {
	hashes := b.KeyHashes()
	out := b.Type().NewBatch(b.Len())
	for i, h := range hashes {
		if event.SubtaskOf(event.KeyGroup(h), of) == index {
			out.AppendRange(b, i, i+1)
		}
	}
	return out
}

// read calls f with a range, and checks that all of it was read and is sound.
func (r *Restored) read(ctx context.Context, at checkpoint.Range, f func(io.Reader) error) (err error) {
	i := slices.IndexFunc(r.Manifest.Files, func(x checkpoint.File) bool { return x.Name == at.File })
	if i < 0 {
		return fmt.Errorf("the file %s is not listed", at.File)
	}
	in, err := checkpoint.OpenRange(ctx, r.Store, r.Manifest.Files[i], at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	failed := f(in)
	// Damage explains more than what came of it.
	if _, err := io.Copy(io.Discard, in); err != nil {
		return err
	}
	return failed
}
