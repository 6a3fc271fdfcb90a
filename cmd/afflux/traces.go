package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/tracing/otlp"
)

// lastTraces bounds how long the command waits for a collector in the end.
const lastTraces = 5 * time.Second

// traced lets a job make traces if the environment names a collector. The function
// sends those that are left.
func traced(job *afflux.Job) (finish func(), err error) {
	p, err := otlp.FromEnvironment(otlp.Options{Service: job.Name(), Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if p == nil || err != nil {
		return func() {}, err
	}
	job.Set(afflux.Traces(p))
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), lastTraces)
		defer cancel()
		_ = p.Shutdown(ctx) // failures are logged
	}, nil
}
