package bucket

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/checkpoint/storetest"
	"go.uber.org/goleak"
	_ "gocloud.dev/blob/memblob"
)

var _ afflux.CheckpointStore = (*Store)(nil)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestStore holds a bucket under a path to the contract.
func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) checkpoint.Store {
		s, err := Open(t.Context(), "mem://memory/jobs/clicks")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	})
}

// TestPath keeps what is of two jobs apart: the path becomes a prefix.
func TestPath(t *testing.T) {
	for want, address := range map[string]string{
		"mem://b?prefix=a%2Fc%2F&x=y":   "mem://b/a/c/?x=y",
		"mem://b?prefix=p%2Fa%2F":       "mem://b/a?prefix=p/",
		"s3://b?region=eu":              "s3://b?region=eu",
		"azblob://b?prefix=a%2F":        "azblob://b/a",
		"gs://b?prefix=with+space%2F":   "gs://b/with%20space",
		"s3://user@b?prefix=a%2Fb%2F":   "s3://user@b//a/b//",
		"s3://b/?region=eu":             "s3://b/?region=eu",
		"s3://b?endpoint=h&prefix=a%2F": "s3://b/a?endpoint=h",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := withPrefix(u).String(); got != want {
			t.Errorf("%s becomes %s, not %s", address, got, want)
		}
	}
}

func TestNoBucket(t *testing.T) {
	for address, want := range map[string]string{
		"checkpoints":         "afflux.Checkpoints",
		"file:///checkpoints": "afflux.Checkpoints",
		"s3://bucket":         "gocloud.dev/blob/s3blob",
		"mem://b?what=1":      "what",
		"s3://a b":            "invalid",
	} {
		s, err := Open(t.Context(), address)
		if err == nil {
			_ = s.Close()
			t.Errorf("%s is opened", address)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := Open(t.Context(), "s3://key:secret@bucket/jobs?token=secret"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("secrets are in %v", err)
	}
}

// TestJob stops a job with a savepoint in a bucket, and goes on from it.
func TestJob(t *testing.T) {
	store, err := Open(t.Context(), "mem://memory/jobs/numbers")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	values := make([]int, 50_000)
	for i := range values {
		values[i] = i
	}
	sink := memory.CommittedSink[int]()
	start := func(options ...afflux.JobOption) *afflux.Run {
		j := afflux.NewJob("numbers", afflux.CheckpointsIn(store, afflux.Every(0)), afflux.Parallelism(1), afflux.Buffers(2, 512))
		j.Set(options...)
		afflux.From(j, "numbers", memory.Source(values)).To("out", sink)
		r, err := j.Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := start()
	path, err := r.SavepointAndStop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	if want := "mem://memory/jobs/numbers/savepoint-0000000001"; path != want {
		t.Errorf("the savepoint is said to be in %s, not %s", path, want)
	}
	if s := r.Snapshot(); s.State != "suspended" || s.Checkpoints.Completed != 1 || s.Checkpoints.Last.Kind != "savepoint" {
		t.Errorf("%s, %+v", s.State, s.Checkpoints)
	}
	r = start(afflux.StartFrom(path, false))
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	if s := r.Snapshot(); s.Checkpoints.Restored == nil || s.Checkpoints.Restored.ID != 1 {
		t.Errorf("%+v", s.Checkpoints)
	}
	if got := sink.Values(); !slices.Equal(got, values) {
		t.Errorf("%d values, not the %d", len(got), len(values))
	}
	j := afflux.NewJob("numbers", afflux.CheckpointsIn(store), afflux.StartFrom("s3://elsewhere/savepoint-0000000001", false))
	afflux.From(j, "numbers", memory.Source(values)).To("out", sink)
	if _, err := j.Start(t.Context()); err == nil || errors.Is(err, checkpoint.ErrNotFound) || !strings.Contains(err.Error(), "StartFromStore") {
		t.Errorf("another bucket: %v", err)
	}
}
