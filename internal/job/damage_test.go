package job_test

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/memory"
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
		if !interrupted(t, root, values, sink) {
			continue
		}
		damaged := damage(t, root, rng, n%2 == 0)
		store, err := checkpoint.NewDirectory(root)
		if err != nil {
			t.Fatal(err)
		}
		j, err := job.New(config(store), plan(values, sink, 2, func() error { return nil }))
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
	if older < cases/50 || refused < cases/50 {
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

// interrupted takes three checkpoints of a job and stops it. It reports false if
// the job was faster.
func interrupted(t *testing.T, root string, values []int, sink connector.Sink[counted]) bool {
	t.Helper()
	store, err := checkpoint.NewDirectory(root)
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	slowly := func() error { // so that it does not end before
		if n.Add(1)%20 == 0 {
			for range 50 {
				runtime.Gosched()
			}
		}
		return nil
	}
	j, err := job.New(config(store), plan(values, sink, 2, slowly))
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := j.Checkpoint(t.Context(), checkpoint.Checkpoint); err != nil {
			if err := j.Wait(); err != nil {
				t.Fatal(err)
			}
			return false
		}
	}
	j.Cancel()
	err = j.Wait()
	if err != nil && !errors.Is(err, operator.ErrCancelled) {
		t.Fatal(err)
	}
	return err != nil
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
