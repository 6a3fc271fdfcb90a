package connectortest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// writing is one open writer.
type writing[T any] struct {
	h      *Sink[T]
	sub    *subtask
	writer connector.Writer[T]
	batch  *event.Records[T]
}

// openSink opens every subtask of a sink in a job without checkpoints.
func openSink[T any](tb testing.TB, h *Sink[T], sink connector.Sink[T], parallelism int) ([]*writing[T], error) {
	return openWith(tb, h, sink, parallelism, false)
}

func openWith[T any](tb testing.TB, h *Sink[T], sink connector.Sink[T], parallelism int, checkpoints bool) ([]*writing[T], error) {
	var all []*writing[T]
	for i := range parallelism {
		w := &writing[T]{h: h, sub: newSubtask(i), batch: event.NewRecords[T](16)}
		err := within("Open", func() (err error) {
			c := w.sub.connect(parallelism)
			c.Checkpoints = checkpoints
			w.writer, err = sink.Open(tb.Context(), c)
			return err
		})
		if err != nil {
			_ = finish(all, false)
			return nil, fmt.Errorf("Open of subtask %d of %d: %w", i, parallelism, err)
		}
		all = append(all, w)
	}
	return all, nil
}

// finish flushes, if asked to, and closes every writer twice.
func finish[T any](all []*writing[T], flush bool) error {
	var errs error
	for _, w := range all {
		if flush {
			errs = errors.Join(errs, w.flush())
		}
	}
	for _, w := range all {
		for range 2 {
			if err := within("Close", w.writer.Close); err != nil {
				errs = errors.Join(errs, fmt.Errorf("Close of subtask %d: %w", w.sub.index, err))
			}
		}
		errs = errors.Join(errs, w.sub.err())
	}
	return errs
}

func (w *writing[T]) flush() error {
	err := within("Flush", func() error { return w.writer.Flush(context.Background()) })
	if err != nil {
		return fmt.Errorf("Flush of subtask %d: %w", w.sub.index, err)
	}
	return nil
}

// put writes the records from key from up to key to, in batches of many
// sizes. What the writer has taken is overwritten at once.
func (w *writing[T]) put(from, to int) error {
	for size := 0; from < to; size = (size + 1) % 40 {
		n := min(size, to-from)
		w.batch.Reset()
		for k := from; k < from+n; k++ {
			w.batch.Append(w.h.Record(k), event.Time(k))
		}
		if err := w.send(); err != nil {
			return err
		}
		from += n
	}
	return nil
}

// send writes the whole batch.
func (w *writing[T]) send() error {
	for next := 0; ; {
		var n int
		w.sub.inside.Store(true)
		err := within("Write", func() (err error) { n, err = w.writer.Write(w.batch, next); return err })
		w.sub.inside.Store(false)
		if err != nil {
			return fmt.Errorf("Write of subtask %d: %w", w.sub.index, err)
		}
		if err := w.sub.err(); err != nil {
			return err
		}
		if n < 0 || next+n > w.batch.Len() {
			return fmt.Errorf("Write took %d records of %d", n, w.batch.Len()-next)
		}
		var zero T
		for i := next; i < next+n; i++ {
			if w.h.Scribble != nil {
				w.h.Scribble(&w.batch.Values[i])
			}
			w.batch.Values[i], w.batch.Times[i] = zero, event.MaxTime
		}
		if next += n; next == w.batch.Len() {
			return nil
		}
		if err := w.sub.waitUntil(context.Background(), 0); err != nil {
			return fmt.Errorf("Write took %d of %d records: %w", next, w.batch.Len(), err)
		}
	}
}

// compare checks that got has the keys 0 to n-1, each once.
func (h *Sink[T]) compare(got []T, n int) error {
	seen := map[int]int{}
	for i := range got {
		k := h.Key(&got[i])
		seen[k]++
		switch {
		case k < 0 || k >= n:
			return fmt.Errorf("the output has a record with the key %d, which was never written", k)
		case seen[k] > 1:
			return fmt.Errorf("the output has record %d more than once", k)
		}
	}
	if len(got) != n {
		return fmt.Errorf("the output has %d records of %d", len(got), n)
	}
	return nil
}

func (h *Sink[T]) skip(sink connector.Sink[T], parallelism int) bool {
	most := sink.Describe().MaxParallelism
	return most > 0 && parallelism > most
}

func checkWritten[T any](tb testing.TB, h Sink[T], parallelism int) error {
	sink, read := h.New(tb)
	if d := sink.Describe(); d.Kind == "" || d.Target == "" {
		return fmt.Errorf("Describe has no Kind or no Target: %+v", d)
	}
	if h.skip(sink, parallelism) {
		return nil
	}
	all, err := openSink(tb, &h, sink, parallelism)
	if err != nil {
		return err
	}
	const each = 500
	for i, w := range all {
		err = errors.Join(err, w.put(i*each, (i+1)*each))
	}
	if err := errors.Join(err, finish(all, err == nil)); err != nil {
		return err
	}
	return h.compare(read(tb), parallelism*each)
}

func checkNothing[T any](tb testing.TB, h Sink[T]) error {
	sink, read := h.New(tb)
	all, err := openSink(tb, &h, sink, 1)
	if err != nil {
		return err
	}
	err = all[0].send() // an empty batch
	if err := errors.Join(err, finish(all, true)); err != nil {
		return err
	}
	return h.compare(read(tb), 0)
}

func checkFlush[T any](tb testing.TB, h Sink[T]) error {
	sink, read := h.New(tb)
	all, err := openSink(tb, &h, sink, 1)
	if err != nil {
		return err
	}
	w := all[0]
	for from := 0; from < 300 && err == nil; from += 100 { // flush, go on, flush again
		if err = w.put(from, from+100); err == nil {
			err = w.flush()
		}
		if err == nil && !h.Atomic {
			err = h.compare(read(tb), from+100)
		}
	}
	if err := errors.Join(err, finish(all, false)); err != nil {
		return err
	}
	return h.compare(read(tb), 300)
}

func checkNoFlush[T any](tb testing.TB, h Sink[T]) error {
	for _, flushed := range []int{0, 50} { // records written and flushed before the others
		sink, read := h.New(tb)
		all, err := openSink(tb, &h, sink, 1)
		if err != nil {
			return err
		}
		w := all[0]
		if flushed > 0 {
			err = errors.Join(w.put(0, flushed), w.flush())
		}
		if err == nil {
			err = w.put(flushed, 100)
		}
		if err := errors.Join(err, finish(all, false)); err != nil {
			return err
		}
		if h.Atomic {
			if got := read(tb); len(got) > 0 {
				return fmt.Errorf("Close without Flush left %d records that look complete", len(got))
			}
		}
	}
	return nil
}

func checkBadRecord[T any](tb testing.TB, h Sink[T]) error {
	if h.Bad == nil {
		return nil
	}
	sink, read := h.New(tb)
	all, err := openSink(tb, &h, sink, 1)
	if err != nil {
		return err
	}
	w := all[0]
	w.batch.Append(h.Record(0), 0)
	w.batch.Append(*h.Bad, 0)
	w.batch.Append(h.Record(1), 0)
	err = w.send()
	if err := errors.Join(err, finish(all, err == nil)); err != nil {
		return err
	}
	if len(w.sub.rejected) != 1 {
		return fmt.Errorf("one record was bad, %d were rejected", len(w.sub.rejected))
	}
	if err := h.compare(read(tb), 2); err != nil {
		return err
	}
	if all, err = openSink(tb, &h, sink, 1); err != nil {
		return err
	}
	w = all[0]
	w.sub.refuse = errors.New("the user wants the job to fail")
	w.batch.Append(*h.Bad, 0)
	if err = w.send(); !errors.Is(err, w.sub.refuse) {
		err = fmt.Errorf("after Reject returned an error, Write returned %v", err) //nolint:errorlint // err may be nil
		return errors.Join(err, finish(all, false))
	}
	return finish(all, false)
}

func checkWriterClose[T any](tb testing.TB, h Sink[T]) error {
	for n := range 4 {
		sink, _ := h.New(tb)
		all, err := openSink(tb, &h, sink, 1)
		if err != nil {
			return err
		}
		err = all[0].put(0, n*50)
		if err := errors.Join(err, finish(all, false)); err != nil {
			return fmt.Errorf("Close after %d records: %w", n*50, err)
		}
	}
	return nil
}
