package afflux_test

import (
	"context"
	"fmt"
	"strconv"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/event"
)

func number(s *string) (int, error) { return strconv.Atoi(*s) }

// Keep the records that a function refuses, with the reason, and go on.
func ExampleJob_DeadLetters() {
	out, refused := memory.Sink[int](), memory.Sink[event.DeadLetter]()

	job := afflux.NewJob("numbers")
	job.DeadLetters("refused", refused)
	afflux.From(job, "texts", memory.Source([]string{"1", "two", "3"}), afflux.Parallelism(1)).
		TryMap("parse", number, afflux.OnError(afflux.DeadLetter)).
		To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(out.Values())
	for _, l := range refused.Values() {
		fmt.Printf("%s refused %s: %s\n", l.Operator, l.Record, l.Reason)
	}
	// Output:
	// [1 3]
	// parse refused "two": strconv.Atoi: parsing "two": invalid syntax
}

// Drop the records that a function refuses, and count them.
func ExampleOnError() {
	out := memory.Sink[int]()

	job := afflux.NewJob("numbers")
	afflux.From(job, "texts", memory.Source([]string{"1", "two", "3"}), afflux.Parallelism(1)).
		TryMap("parse", number, afflux.OnError(afflux.Skip)).
		To("out", out)
	run, err := job.Start(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := run.Wait(); err != nil {
		fmt.Println(err)
	}
	var skipped int64
	for _, o := range run.Snapshot().Operators {
		for _, s := range o.Subtasks {
			skipped += s.Skipped
		}
	}
	fmt.Println(out.Values(), "skipped:", skipped)
	// Output:
	// [1 3] skipped: 1
}
