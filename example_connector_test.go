package afflux_test

import (
	"context"
	"fmt"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// countdown is a source of the numbers from n to 1. A real one divides its
// splits between its subtasks.
type countdown struct{ n int }

func (c countdown) Describe() connector.Description {
	return connector.Description{Kind: "countdown", Target: fmt.Sprint("from ", c.n), MaxParallelism: 1, Bounded: true}
}

func (c countdown) Open(context.Context, connector.Subtask) (connector.Reader[int], error) {
	return &c, nil
}

// Poll gives what is at hand, at most limit.Records, and never waits.
func (c *countdown) Poll(dst *event.Records[int], limit connector.Limit) (connector.Status, error) {
	for i := 0; i < limit.Records && c.n > 0; i++ {
		dst.Append(c.n, event.MinTime)
		c.n--
	}
	if c.n == 0 {
		return connector.Status{State: connector.Done}, nil
	}
	return connector.Status{}, nil
}

func (c *countdown) Close() error { return nil }

// printer is a sink that prints records.
type printer struct{}

func (printer) Describe() connector.Description {
	return connector.Description{Kind: "printer", Target: "standard output", MaxParallelism: 1, WritesStdout: true}
}

func (p printer) Open(context.Context, connector.Subtask) (connector.Writer[int], error) {
	return p, nil
}

// Write takes all records from index from on.
func (printer) Write(b *event.Records[int], from int) (int, error) {
	for _, n := range b.Values[from:] {
		fmt.Println(n)
	}
	return b.Len() - from, nil
}

func (printer) Flush(context.Context) error { return nil }
func (printer) Close() error                { return nil }

// Write a source and a sink of one's own. Package connector has the contract,
// connector/connectortest the kit that tests them.
func Example_connectors() {
	job := afflux.NewJob("launch")
	afflux.From(job, "countdown", connector.Source[int](countdown{3})).
		To("printer", printer{})
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 3
	// 2
	// 1
}
