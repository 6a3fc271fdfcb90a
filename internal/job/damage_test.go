package job_test

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/job"
	"github.com/affluxdev/afflux/operator"
)

// TestDamagedCheckpoints damages the files of checkpoints at random. A job with a
// sink that delivers at least once goes on from an older checkpoint, or refuses
// and says why. One that delivers exactly once goes on only if it needs nothing
// that is damaged. The manifest stays then: without it, it looks as if there had
// been no checkpoint.
func TestDamagedCheckpoints(t *testing.T) {
	cases := 500
	if testing.Short() {
		cases = 100
	}
	values := numbers(10_000)
	rng := rand.New(rand.NewPCG(1, 2))
	refused, older, untouched := 0, 0, 0
	for n := range cases {
		root := t.TempDir()
		var sink connector.Sink[counted]
		exact, plain := memory.CommittedSink[counted](), memory.Sink[counted]()
		if sink = plain; n%2 == 0 {
			sink = exact
		}
		source := &portions{values: values}
		interrupted(t, root, source, sink)
		source.most.Store(int64(len(values)))
		damaged := damage(t, root, rng, n%2 == 0)
		store, err := checkpoint.NewDirectory(root)
		if err != nil {
			t.Fatal(err)
		}
		j, err := job.New(config(store), planFrom(source, sink, 2, func() error { return nil }))
		if err != nil {
			t.Fatal(err)
		}
		err = j.Start(t.Context())
		if err == nil {
			err = j.Wait()
		}
		switch d := (*checkpoint.Damage)(nil); {
		case err == nil:
			if n%2 == 0 {
				verify(t, values, exact.Values())
			} else {
				verify(t, values, once(plain.Values()))
			}
			if from := j.Snapshot().Checkpoints.Restored; from == nil || from.ID < 3 {
				older++
			} else {
				untouched++
			}
		case errors.As(err, &d) || errors.Is(err, checkpoint.ErrNotFound):
			if !strings.Contains(err.Error(), "checkpoint") {
				t.Errorf("the refusal does not say what it is about: %v", err)
			}
			refused++
		default:
			t.Errorf("case %d, %s: %v", n, damaged, err)
		}
		if t.Failed() {
			t.Fatalf("case %d, after %s", n, damaged)
		}
	}
	t.Logf("%d went on from an older checkpoint, %d from the newest, %d refused", older, untouched, refused)
	if older < cases/100 || refused < cases/20 {
		t.Error("the damage tests next to nothing")
	}
}

func config(store checkpoint.Store) job.Config {
	return job.Config{Name: "test", Batch: 512, Buffers: 4,
		Checkpoints: &job.Checkpointing{Store: store, UnalignedAfter: 0, Timeout: time.Minute, Retain: 3}}
}

// once leaves out what comes again.
func once(list []counted) (out []counted) {
	seen := map[counted]bool{}
	for _, c := range list {
		if !seen[c] {
			seen[c] = true
			out = append(out, c)
		}
	}
	return out
}

// portions is a source that gives out only as much as it may.
type portions struct {
	values []int
	most   atomic.Int64
}

func (p *portions) Describe() connector.Description {
	return connector.Description{Kind: "portions", MaxParallelism: 1, Bounded: true}
}

func (p *portions) Open(_ context.Context, sub connector.Subtask) (connector.Reader[int], error) {
	r := &portion{of: p}
	if sub.Resume != nil {
		n, err := strconv.Atoi(string(sub.Resume.Splits[0].Position))
		r.next = n
		return r, err
	}
	return r, nil
}

type portion struct {
	of   *portions
	next int
}

func (r *portion) Poll(dst *event.Records[int], limit connector.Limit) (connector.Status, error) {
	to := min(r.next+limit.Records, int(r.of.most.Load()))
	for ; r.next < to; r.next++ {
		dst.Append(r.of.values[r.next], event.MinTime)
	}
	switch {
	case r.next == len(r.of.values):
		return connector.Status{State: connector.Done}, nil
	case dst.Len() == 0:
		return connector.Status{State: connector.Idle, After: 100 * time.Microsecond}, nil
	}
	return connector.Status{}, nil
}

func (r *portion) Positions() ([]connector.Split, error) {
	return []connector.Split{{ID: "all", Position: strconv.AppendInt(nil, int64(r.next), 10)}}, nil
}

func (r *portion) Close() error { return nil }

// interrupted takes three checkpoints of a job that reads a part of its input,
// and stops it.
func interrupted(t *testing.T, root string, source *portions, sink connector.Sink[counted]) {
	t.Helper()
	store, err := checkpoint.NewDirectory(root)
	if err != nil {
		t.Fatal(err)
	}
	j, err := job.New(config(store), planFrom(source, sink, 2, func() error { return nil }))
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range int64(3) {
		source.most.Store((i + 1) * int64(len(source.values)) / 4)
		if _, err := j.Checkpoint(t.Context(), checkpoint.Checkpoint); err != nil {
			t.Fatal(err)
		}
	}
	j.Cancel()
	if err = j.Wait(); !errors.Is(err, operator.ErrCancelled) {
		t.Fatal(err)
	}
}

// damage flips a bit, cuts, or removes some files, of one checkpoint or of all.
func damage(t *testing.T, root string, rng *rand.Rand, manifests bool) string {
	t.Helper()
	var files []string
	if err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	var said []string
	for range 1 + rng.IntN(2)*rng.IntN(2*len(files)) {
		path := files[rng.IntN(len(files))]
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		name, _ := filepath.Rel(root, path)
		switch k := rng.IntN(3); {
		case k == 0 && manifests && filepath.Base(path) == "manifest":
			continue
		case k == 0 || len(b) == 0:
			said = append(said, "removed "+name)
			err = os.Remove(path)
		case k == 1:
			said = append(said, "cut "+name)
			err = os.WriteFile(path, b[:rng.IntN(len(b))], 0o600)
		default:
			said = append(said, "flipped a bit of "+name)
			b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
			err = os.WriteFile(path, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return strings.Join(said, ", ")
}
