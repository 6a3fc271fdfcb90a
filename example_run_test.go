package afflux_test

import (
	"context"
	"fmt"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/blackhole"
	"github.com/affluxdev/afflux/connector/generator"
	"github.com/affluxdev/afflux/connector/memory"
)

func index(i int64, v *int64) { *v = i }

// Stop a job that has no end: what was read is delivered.
func ExampleRun_Drain() {
	out := memory.Sink[int64]()
	started := make(chan struct{}, 1)

	job := afflux.NewJob("endless")
	numbers := generator.Source(index, generator.Rate(generator.Constant(1000)))
	afflux.From(job, "numbers", numbers, afflux.Parallelism(1)).
		Update("signal", func(*int64) {
			select {
			case started <- struct{}{}:
			default:
			}
		}).
		To("out", out)
	run, err := job.Start(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	<-started
	run.Drain()
	err = run.Wait()

	read := run.Snapshot().Operators[0].Subtasks[0].RecordsOut
	fmt.Println(err, read > 0, read == int64(len(out.Values())))
	// Output:
	// <nil> true true
}

// Ask a running job which operator limits it, and why.
func ExampleBottleneck() {
	slow := func(ctx context.Context, v *int64) (int64, error) {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(time.Millisecond):
			return *v, nil
		}
	}
	job := afflux.NewJob("slow")
	afflux.From(job, "numbers", generator.Source(index), afflux.Parallelism(1)).
		MapAsync("look-up", slow, afflux.InFlight(4), afflux.Unchained()).
		To("out", blackhole.Sink[int64]())
	run, err := job.Start(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	before := run.Snapshot()
	for range time.Tick(300 * time.Millisecond) {
		after := run.Snapshot()
		if f, ok := afflux.Bottleneck(before, after); ok {
			fmt.Println(f.Operator+":", f.Cause.Words())
			break
		}
		before = after
	}
	run.Drain()
	fmt.Println(run.Wait())
	// Output:
	// look-up: waiting for an outside system
	// <nil>
}
