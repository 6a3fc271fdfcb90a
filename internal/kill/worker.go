package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/kafka"
	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/window"
)

// Topics of the trial.
const (
	inTopic  = "events"
	outTopic = "counts"
)

// Event is a record of the input.
type Event struct {
	Key int64 `json:"k"`
	At  int64 `json:"t"` // event time, ms
}

// Counted is a record of the output.
type Counted struct {
	Key   int64 `json:"k"`
	Start int64 `json:"s"` // of the window, ms
	N     int64 `json:"n"`
}

const span = 100 * time.Millisecond // of a window in event time

// worker is the process that is killed. It says on standard output how far each
// checkpoint has come.
func worker(args []string) int {
	f := flag.NewFlagSet("worker", flag.ExitOnError)
	addr := f.String("addr", "", "of the broker")
	dir := f.String("dir", "", "of the checkpoints")
	last := f.Bool("last", false, "end when everything that is there now has been read")
	every := f.Duration("every", 100*time.Millisecond, "between checkpoints")
	parallelism := f.Int("parallelism", 2, "of keyed operators")
	_ = f.Parse(args)
	store, err := checkpoint.NewDirectory(*dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	source := []kafka.SourceOption{kafka.Brokers(*addr), kafka.Group("kill")}
	if *last {
		source = append(source, kafka.UntilLatest())
	}
	job := afflux.NewJob("kill", afflux.Parallelism(*parallelism),
		afflux.Logger(slog.New(slog.NewTextHandler(os.Stderr, nil))),
		afflux.CheckpointsIn(telling{store}, afflux.Every(*every), afflux.TolerateFailed(3), afflux.CheckpointTimeout(30*time.Second)))
	afflux.From(job, "events", kafka.Source[Event](inTopic, source...)).
		EventTime(func(e *Event) time.Time { return time.UnixMilli(e.At) }, afflux.OutOfOrder(10*time.Millisecond)).
		KeyBy("key", func(e *Event) int64 { return e.Key }).
		Window(window.Tumbling(span)).
		Aggregate("count", afflux.Count[Event]()).
		Map("plain", func(r *window.Result[int64, int64]) Counted {
			return Counted{Key: r.Key, Start: r.Start.Std().UnixMilli(), N: r.Value}
		}).
		To("counts", kafka.Sink[Counted](outTopic, kafka.Brokers(*addr), kafka.ExactlyOnce()))
	if err := job.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "the job has failed:", err)
		return 1
	}
	return 0
}

// telling is a store that says what is about to be written. It has no lock of its
// own, so that a worker takes over what the killed one has left as in a bucket.
type telling struct{ checkpoint.Store }

// Steps of a checkpoint, as the worker tells them.
const (
	stepState    = "state"    // the barrier has passed, state is being stored
	stepManifest = "manifest" // sinks have prepared, the manifest is about to be stored
	stepCommit   = "commit"   // the manifest is there, sinks commit
	stepDelete   = "delete"   // an old checkpoint is being deleted
)

func say(step string) { fmt.Println(step) }

// Create implements checkpoint.Store.
func (s telling) Create(ctx context.Context, name string) (checkpoint.Pending, error) {
	manifest := strings.HasSuffix(name, "/manifest")
	switch {
	case manifest:
		say(stepManifest)
	case strings.Contains(name, "/"): // else it says who owns the store
		say(stepState)
	}
	p, err := s.Store.Create(ctx, name)
	return &tellingFile{p, manifest}, err
}

// Delete implements checkpoint.Store.
func (s telling) Delete(ctx context.Context, name string) error {
	if strings.Contains(name, "/") {
		say(stepDelete)
	}
	return s.Store.Delete(ctx, name)
}

type tellingFile struct {
	checkpoint.Pending
	manifest bool
}

// Commit implements checkpoint.Pending.
func (f *tellingFile) Commit() error {
	err := f.Pending.Commit()
	if f.manifest && err == nil {
		say(stepCommit)
	}
	return err
}

var _ io.Writer = (*tellingFile)(nil)
