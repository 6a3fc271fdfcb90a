package afflux_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/memory"
)

// A job with checkpoints goes on where it was. This one is stopped in the middle
// by a savepoint, and started again with another number of subtasks: what is
// committed in the end is what one run without a stop commits.
func ExampleCheckpoints() {
	dir, err := os.MkdirTemp("", "checkpoints-")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	numbers := make([]int, 300_000)
	for i := range numbers {
		numbers[i] = i
	}
	counts := memory.CommittedSink[afflux.KV[int, int64]]()
	build := func(parallelism int, options ...afflux.JobOption) *afflux.Job {
		j := afflux.NewJob("parity", afflux.Parallelism(parallelism), afflux.Checkpoints(dir))
		j.Set(options...)
		afflux.From(j, "numbers", memory.Source(numbers)).
			KeyBy("parity", func(n *int) int { return *n % 2 }).
			Aggregate("count", afflux.Count[int]()).
			To("counts", counts)
		return j
	}

	ctx := context.Background()
	first, err := build(2).Start(ctx)
	if err != nil {
		log.Fatal(err)
	}
	savepoint, err := first.SavepointAndStop(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if err := first.Wait(); err != nil {
		log.Fatal(err)
	}
	if err := build(1, afflux.StartFrom(savepoint, false)).Run(ctx); err != nil {
		log.Fatal(err)
	}

	most := map[int]int64{}
	for _, kv := range counts.Values() {
		most[kv.Key] = max(most[kv.Key], kv.Value)
	}
	fmt.Println(len(counts.Values()), "results, up to", most[0], "and", most[1])
	// Output: 300000 results, up to 150000 and 150000
}
