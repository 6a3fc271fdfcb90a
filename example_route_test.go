package afflux_test

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/memory"
)

var small = []int{1, 2, 3, 4, 5, 6}

// Divide a stream by the kind of its records.
func ExampleStream_Split() {
	even, odd := memory.Sink[int](), memory.Sink[int]()

	job := afflux.NewJob("parity")
	parts := afflux.From(job, "numbers", memory.Source(small), afflux.Parallelism(1)).
		Split("parity", 2, func(n *int) int { return *n % 2 })
	parts[0].To("even", even)
	parts[1].To("odd", odd)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(even.Values(), odd.Values())
	// Output:
	// [2 4 6] [1 3 5]
}

// Join two streams into one.
func ExampleStream_Union() {
	out := memory.Sink[string]()

	job := afflux.NewJob("all")
	web := afflux.From(job, "web", memory.Source([]string{"web 1", "web 2"}))
	shop := afflux.From(job, "shop", memory.Source([]string{"shop 1"}))
	web.Union("all", shop).To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, order := range out.Values() {
		fmt.Println(order)
	}
	// Unordered output:
	// web 1
	// shop 1
	// web 2
}

// Turn each record into any number of others.
func ExampleStream_FlatMap() {
	out := memory.Sink[string]()

	job := afflux.NewJob("words")
	afflux.From(job, "lines", memory.Source([]string{"to be or", "", "not to be"}), afflux.Parallelism(1)).
		FlatMap("words", func(line *string, emit func(string)) error {
			for word := range strings.FieldsSeq(*line) {
				emit(word)
			}
			return nil
		}).
		To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(strings.Join(out.Values(), "|"))
	// Output:
	// to|be|or|not|to|be
}

// Give every record to every subtask of the next operator.
func ExampleStream_Broadcast() {
	out := memory.Sink[int]()

	job := afflux.NewJob("copies")
	afflux.From(job, "numbers", memory.Source([]int{7}), afflux.Parallelism(1)).
		Broadcast().
		Map("copy", func(n *int) int { return *n }, afflux.Parallelism(3)).
		To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(out.Values())
	// Output:
	// [7 7 7]
}

// Choose the subtask of the next operator for each record: small numbers have
// one for themselves.
func ExampleStream_PartitionBy() {
	out := memory.Sink[int]()

	job := afflux.NewJob("numbers")
	afflux.From(job, "numbers", memory.Source(small), afflux.Parallelism(1)).
		PartitionBy(func(n *int, subtasks int) int {
			if *n < 4 {
				return 0
			}
			return 1 + *n%(subtasks-1)
		}).
		Map("double", func(n *int) int { return 2 * *n }, afflux.Parallelism(3)).
		To("out", out)
	run, err := job.Start(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := run.Wait(); err != nil {
		fmt.Println(err)
	}
	for i, s := range run.Snapshot().Operators[1].Subtasks {
		fmt.Println("subtask", i, "had", s.RecordsIn, "records")
	}
	// Output:
	// subtask 0 had 3 records
	// subtask 1 had 2 records
	// subtask 2 had 1 records
}

// Divide a stream by key for an operator that keeps no state: all records of a
// key go to one subtask of the sink, in their order.
func ExampleKeyed_Stream() {
	out := memory.Sink[int]()

	job := afflux.NewJob("numbers")
	afflux.From(job, "numbers", memory.Source(small)).
		KeyBy("parity", func(n *int) int { return *n % 2 }).Stream().
		Map("subtask", func(n *int) int { return *n }, afflux.Parallelism(2)).
		To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	even := slices.DeleteFunc(out.Values(), func(n int) bool { return n%2 != 0 })
	fmt.Println(even)
	// Output:
	// [2 4 6]
}
