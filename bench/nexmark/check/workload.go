package check

import (
	"slices"
	"time"

	"github.com/affluxdev/afflux/bench/nexmark/generator"
	"github.com/affluxdev/afflux/bench/nexmark/model"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// workload is events, and what the model says of them.
type workload struct {
	config generator.Config
	delay  time.Duration // within which they are shuffled
	bound  time.Duration // of which their watermarks are behind
	input  *model.Input
}

func newWorkload(c generator.Config, bound time.Duration, s schema.Settings) (*workload, error) {
	g, err := generator.New(c)
	if err != nil {
		return nil, err
	}
	return &workload{config: c, delay: bound, bound: bound, input: &model.Input{Events: slices.Collect(g.Seq), Settings: s, Sides: sides()}}, nil
}

// dense is events at 500 a second, beginning just before midnight: enough in
// each window of seconds, and some on both sides of a minute and of a day.
func dense(events int64) (*workload, error) {
	c := generator.Flink()
	c.Events, c.FirstRate, c.NextRate = events, 500, 500
	c.BaseTime = time.Date(2015, time.July, 15, 23, 59, 55, 0, time.UTC).UnixMilli()
	return newWorkload(c, 4*time.Second, schema.SQL())
}

// sparse is events that take about a day, from five in the morning on.
func sparse(events int64) (*workload, error) {
	c := generator.Flink()
	c.Events, c.FirstRate, c.NextRate, c.RateUnit = events, events, events, 22*time.Hour
	c.BaseTime = time.Date(2015, time.July, 15, 5, 0, 0, 0, time.UTC).UnixMilli()
	return newWorkload(c, 10*time.Minute, schema.SQL())
}

// published is the default run of Beam with a number of events.
func published(events int64) (*workload, error) {
	c := generator.Beam()
	c.Events = events
	return newWorkload(c, time.Second, schema.Beam())
}
