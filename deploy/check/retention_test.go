package check

import (
	"context"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/blackhole"
	"github.com/affluxdev/afflux/event"
)

// aging is a source whose input is about to be deleted: it publishes what a
// Kafka source does, and has nothing to read.
type aging struct{}

func (aging) Describe() connector.Description {
	return connector.Description{Kind: "aging", Target: "planted", MaxParallelism: 1}
}

func (a aging) Open(_ context.Context, sub connector.Subtask) (connector.Reader[order], error) {
	for name, value := range map[string]float64{"oldest_unread_age_seconds": 3000, "retention_seconds": 3600,
		"retention_headroom_records": 1000, "lag": 100} {
		sub.Gauge(name, value, "topic", "clicks", "partition", "3")
	}
	return a, nil
}

func (aging) Poll(*event.Records[order], connector.Limit) (connector.Status, error) {
	return connector.Status{State: connector.Idle}, nil
}

func (aging) Close() error { return nil }

// doomed is far behind in a topic that forgets soon.
func doomed() *afflux.Job {
	j := afflux.NewJob("doomed", afflux.Parallelism(1))
	afflux.From(j, "clicks", connector.Source[order](aging{})).
		To("out", blackhole.Sink[order]())
	return j
}
