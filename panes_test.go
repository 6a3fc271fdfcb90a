package afflux_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/window"
)

// portions is a source of the integers below n that gives out only as many as it
// may, and says when it has.
type portions struct {
	n    int
	most atomic.Int64
	read chan int
}

func (p *portions) Describe() connector.Description {
	return connector.Description{Kind: "portions", MaxParallelism: 1, Bounded: true}
}

func (p *portions) Open(_ context.Context, sub connector.Subtask) (connector.Reader[int], error) {
	r := &portion{of: p, told: -1}
	if sub.Resume != nil {
		n, err := strconv.Atoi(string(sub.Resume.Splits[0].Position))
		r.next = n
		return r, err
	}
	return r, nil
}

// allow lets it give out the integers below n, and waits until it has.
func (p *portions) allow(t *testing.T, n int) {
	t.Helper()
	p.most.Store(int64(n))
	for {
		select {
		case got := <-p.read:
			if got == n {
				return
			}
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
}

type portion struct {
	of         *portions
	next, told int
}

func (r *portion) Poll(dst *event.Records[int], limit connector.Limit) (connector.Status, error) {
	most := int(r.of.most.Load())
	for to := min(r.next+limit.Records, most); r.next < to; r.next++ {
		dst.Append(r.next, 0)
	}
	switch {
	case dst.Len() > 0:
		return connector.Status{}, nil
	case r.next == r.of.n:
		return connector.Status{State: connector.Done}, nil
	case r.told != r.next && r.next == most:
		select {
		case r.of.read <- r.next:
			r.told = r.next
		default:
		}
	}
	return connector.Status{State: connector.Idle, After: 100 * time.Microsecond}, nil
}

func (r *portion) Positions() ([]connector.Split, error) {
	return []connector.Split{{ID: "all", Position: strconv.AppendInt(nil, int64(r.next), 10)}}, nil
}

func (r *portion) Close() error { return nil }

// Windows whose panes are large are killed and go on with other numbers of
// subtasks. Checkpoints refer to the panes that lie in the past, also when the
// checkpoints that wrote these are deleted.
func TestRecoveryOfLargePanes(t *testing.T) {
	if !testing.Short() {
		t.Run("numbers", func(t *testing.T) { recoverPanes(t, func(i int) int { return i }) })
	}
	t.Run("texts", func(t *testing.T) {
		recoverPanes(t, func(i int) string { return fmt.Sprintf("a text that is not in a slot %d", i) })
	})
}

func recoverPanes[K comparable](t *testing.T, key func(i int) K) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	const (
		keys     = 6000 // of each pane
		step     = keys / 2
		panes    = 11
		inWindow = 4
	)
	// wide makes a table with some thousand keys a large one.
	type wide [48]int64
	sum := afflux.Aggregator[int, wide, int64]{
		Add: func(a *wide, v *int) { a[*v%48] += int64(*v) },
		Merge: func(into, from *wide) {
			for i := range into {
				into[i] += from[i]
			}
		},
		Result: func(a *wide) (sum int64) {
			for _, v := range a {
				sum += v
			}
			return sum
		},
	}
	dir := t.TempDir()
	store, err := checkpoint.OpenDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	source := &portions{n: panes * keys, read: make(chan int)}
	sink := memory.CommittedSink[window.Result[K, int64]]()
	start := func(parallelism int) *afflux.Run {
		j := afflux.NewJob("panes", afflux.Parallelism(parallelism), afflux.Checkpoints(dir, afflux.Every(time.Hour), afflux.Retain(1)))
		afflux.From(j, "numbers", source, afflux.Parallelism(1)).
			EventTime(func(v *int) event.Time { return event.Time(*v) }, afflux.InOrder()).
			KeyBy("key", func(v *int) K { return key(*v % keys) }).
			Window(window.Sliding(inWindow*keys, keys)).Aggregate("sum", sum).
			To("out", sink)
		run, err := j.Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return run
	}
	manifest := func(kind checkpoint.Kind, id int64) *checkpoint.Manifest {
		t.Helper()
		c, err := checkpoint.Scan(t.Context(), store)
		if err != nil {
			t.Fatal(err)
		}
		m, err := c.Find(kind, id)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	at := 0
	for stage, parallelism := range []int{1, 2, 3, 1} {
		run := start(parallelism)
		for i := range 5 {
			at += step
			source.allow(t, at)
			id, err := run.Checkpoint(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			m, earlier := manifest(checkpoint.Checkpoint, id), 0
			for _, f := range m.Files {
				if f.Checkpoint < id {
					earlier++
				}
			}
			switch {
			case i == 0 && earlier > 0:
				t.Errorf("stage %d: the first checkpoint refers to %d files of another run", stage, earlier)
			case i == 4 && earlier < 2*parallelism:
				t.Errorf("stage %d: checkpoint %d refers to %d files, of %d", stage, id, earlier, len(m.Files))
			}
		}
		if stage == 2 {
			if _, err := run.Savepoint(t.Context()); err != nil {
				t.Fatal(err)
			}
			id, err := run.Checkpoint(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range manifest(checkpoint.Savepoint, id-1).Files {
				if f.Checkpoint != id-1 {
					t.Errorf("the savepoint refers to %s", f.Name)
				}
			}
		}
		source.allow(t, at+step/2) // gone when the job is killed
		run.Cancel()
		if err := run.Wait(); !errors.Is(err, operator.ErrCancelled) {
			t.Fatal(err)
		}
	}
	run := start(2)
	source.most.Store(int64(source.n))
	if err := run.Wait(); err != nil {
		t.Fatal(err)
	}
	numbered := map[K]int{}
	for i := range keys {
		numbered[key(i)] = i
	}
	type result struct {
		key   K
		start event.Time
	}
	got := map[result]bool{}
	for _, r := range sink.Values() {
		if got[result{r.Key, r.Start}] {
			t.Fatalf("the result of %v at %d is there twice", r.Key, r.Start)
		}
		got[result{r.Key, r.Start}] = true
		want := 0
		for v := numbered[r.Key]; v < source.n; v += keys {
			if at := event.Time(v); at >= r.Start && at < r.End {
				want += v
			}
		}
		if r.Value != int64(want) {
			t.Fatalf("the result of %v at %d is %d, want %d", r.Key, r.Start, r.Value, want)
		}
	}
	if want := keys * (panes + inWindow - 1); len(got) != want {
		t.Fatalf("%d results, want %d", len(got), want)
	}
}
