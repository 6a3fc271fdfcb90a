package connectortest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// reading is one open reader with what the kit knows of it.
type reading[T any] struct {
	h      *Source[T]
	sub    *subtask
	reader connector.Reader[T]
	dst    *event.Records[T]
	limit  connector.Limit

	ended   map[int]bool   // splits
	part    map[int]string // split -> part
	done    bool
	polls   int
	last    connector.Status
	percent int64 // done of the last Progress
}

func newReading[T any](h *Source[T], sub *subtask, reader connector.Reader[T], limit connector.Limit) *reading[T] {
	return &reading[T]{h: h, sub: sub, reader: reader, dst: event.NewRecords[T](64), limit: limit,
		ended: map[int]bool{}, part: map[int]string{}}
}

// open opens every subtask of a source that starts afresh.
func open[T any](tb testing.TB, h *Source[T], src connector.Source[T], parallelism int, limit connector.Limit) ([]*reading[T], error) {
	return openAt(tb, h, src, parallelism, limit, nil)
}

// openAt opens every subtask of a source that goes on from a checkpoint.
func openAt[T any](tb testing.TB, h *Source[T], src connector.Source[T], parallelism int, limit connector.Limit, at *connector.Resume) ([]*reading[T], error) {
	var all []*reading[T]
	for i := range parallelism {
		sub := newSubtask(i)
		r := newReading(h, sub, nil, limit)
		c := sub.connect(parallelism)
		c.Resume = at
		err := within("Open", func() (err error) {
			r.reader, err = src.Open(tb.Context(), c)
			return err
		})
		if err != nil {
			_ = closeAll(all)
			return nil, fmt.Errorf("Open of subtask %d of %d: %w", i, parallelism, err)
		}
		all = append(all, r)
	}
	return all, nil
}

func (h *Source[T]) skip(src connector.Source[T], parallelism int) bool {
	most := src.Describe().MaxParallelism
	return most > 0 && parallelism > most
}

func closeAll[T any](all []*reading[T]) error {
	var first error
	for _, r := range all {
		for range 2 { // a second Close must do no harm
			if err := within("Close", r.reader.Close); err != nil && first == nil {
				first = fmt.Errorf("Close of subtask %d: %w", r.sub.index, err)
			}
		}
		if err := r.sub.err(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// poll polls once, checks the status and hands the keys of the new records to
// take. The records are overwritten afterwards, as the engine does.
func (r *reading[T]) poll(take func(key int) error) error {
	dst := r.dst
	dst.Reset()
	// Some polls find records in dst: they must stay.
	kept := 0
	if r.polls%3 == 2 {
		var zero T
		dst.Append(zero, 77)
		kept = 1
	}
	r.polls++
	var st connector.Status
	r.sub.inside.Store(true)
	err := within("Poll", func() (err error) { st, err = r.reader.Poll(dst, r.limit); return err })
	r.sub.inside.Store(false)
	if err != nil {
		return fmt.Errorf("Poll of subtask %d: %w", r.sub.index, err)
	}
	r.last = st
	if err := r.sub.err(); err != nil {
		return err
	}
	if len(dst.Times) != len(dst.Values) {
		return fmt.Errorf("Poll left %d values with %d event times", len(dst.Values), len(dst.Times))
	}
	if dst.Len() < kept || kept == 1 && dst.Times[0] != 77 {
		return fmt.Errorf("Poll changed the records that dst held before")
	}
	n := dst.Len() - kept
	if n > r.limit.Records {
		return fmt.Errorf("Poll returned %d records, the limit is %d", n, r.limit.Records)
	}
	if err := r.checkBytes(kept, n); err != nil {
		return err
	}
	if err := r.checkStatus(st, kept, n); err != nil {
		return err
	}
	for i := kept; i < dst.Len(); i++ {
		if err := take(r.h.Key(&dst.Values[i])); err != nil {
			return err
		}
	}
	var zero T
	for i := range dst.Values {
		dst.Values[i], dst.Times[i] = zero, event.MaxTime
	}
	return r.checkProgress()
}

// checkBytes holds the new records but the last to the limit in bytes.
func (r *reading[T]) checkBytes(from, n int) error {
	if n < 2 {
		return nil
	}
	slack := r.h.Slack
	if slack == 0 {
		slack = 4 << 10
	}
	part := event.Records[T]{Values: r.dst.Values[from : from+n-1], Times: r.dst.Times[from : from+n-1]}
	if got := part.Bytes(); got > r.limit.Bytes+slack {
		return fmt.Errorf("Poll went on to %d bytes before its last record, the limit is %d", got, r.limit.Bytes)
	}
	return nil
}

func (r *reading[T]) checkStatus(st connector.Status, from, n int) error {
	switch st.State {
	case connector.Ready, connector.Idle, connector.SplitDone, connector.Done:
	default:
		return fmt.Errorf("Poll returned the unknown state %d", st.State)
	}
	if st.Split < 0 || st.Split > 1<<20 {
		return fmt.Errorf("split %d is not a small number", st.Split)
	}
	if r.done && (n > 0 || st.State != connector.Done) {
		return fmt.Errorf("after Done, Poll returned state %d and %d records", st.State, n)
	}
	if n > 0 {
		if r.ended[st.Split] {
			return fmt.Errorf("split %d gave records after it had ended", st.Split)
		}
		if err := r.checkPart(st.Split, from, n); err != nil {
			return err
		}
	}
	if st.State == connector.SplitDone {
		if r.ended[st.Split] {
			return fmt.Errorf("split %d ended twice", st.Split)
		}
		r.ended[st.Split] = true
	}
	if st.State == connector.Done {
		r.done = true
		if n > 0 {
			r.ended[st.Split] = true
		}
	}
	if l, ok := r.reader.(connector.SplitLister); ok && !r.done {
		l.SplitsChanged()
		list := l.Splits()
		if n > 0 && !r.ended[st.Split] && !slices.Contains(list, st.Split) {
			return fmt.Errorf("split %d gives records but Splits has only %v", st.Split, list)
		}
		for _, s := range list {
			if r.ended[s] {
				return fmt.Errorf("split %d has ended and is still in Splits %v", s, list)
			}
		}
	}
	return nil
}

func (r *reading[T]) checkPart(split, from, n int) error {
	if r.h.Part == nil {
		return nil
	}
	for i := from; i < from+n; i++ {
		p := r.h.Part(&r.dst.Values[i])
		if known, ok := r.part[split]; ok && known != p {
			return fmt.Errorf("split %d has records of %s and of %s", split, known, p)
		}
		r.part[split] = p
	}
	return nil
}

func (r *reading[T]) checkProgress() error {
	p, ok := r.reader.(connector.Progress)
	if !ok {
		return nil
	}
	done, total := p.Progress()
	switch {
	case done < r.percent:
		return fmt.Errorf("the progress went back from %d to %d", r.percent, done)
	case total > 0 && done > total:
		return fmt.Errorf("the progress says %d of %d", done, total)
	case r.done && total > 0 && done != total:
		return fmt.Errorf("the progress says %d of %d after Done", done, total)
	}
	r.percent = done
	return nil
}

// readAll polls in turn until every key from 0 to n-1 has come once and, when
// the source is bounded, every reader is done.
func readAll[T any](all []*reading[T], src connector.Source[T], seen map[int]int, n int) error {
	bounded := src.Describe().Bounded
	take := func(key int) error {
		seen[key]++
		switch {
		case key < 0 || key >= n:
			return fmt.Errorf("a record with the key %d came, which was never there", key)
		case seen[key] > 1:
			return fmt.Errorf("record %d came %d times", key, seen[key])
		}
		return nil
	}
	for {
		idle, ended := 0, 0
		for _, r := range all {
			if err := r.poll(take); err != nil {
				return err
			}
			switch r.last.State {
			case connector.Done:
				ended++
			case connector.Idle:
				idle++
			}
		}
		switch {
		case ended == len(all):
			if len(seen) != n {
				return fmt.Errorf("every reader is Done after %d of %d records", len(seen), n)
			}
			for _, r := range all { // a poll after Done changes nothing
				if err := r.poll(take); err != nil {
					return err
				}
			}
			return nil
		case !bounded && len(seen) == n && idle+ended == len(all):
			return nil
		case idle+ended == len(all):
			if err := waitAny(all); err != nil {
				return fmt.Errorf("after %d of %d records every reader is idle: %w", len(seen), n, err)
			}
		}
	}
}

// waitAny waits until one of the readers asks to be polled.
func waitAny[T any](all []*reading[T]) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	woken := make(chan error, len(all))
	var wg sync.WaitGroup
	for _, r := range all {
		if r.last.State == connector.Idle {
			wg.Go(func() { woken <- r.sub.waitUntil(ctx, r.last.After) })
		}
	}
	err := <-woken
	stop()
	wg.Wait() // for the others, which were woken too, or are cancelled
	return err
}
