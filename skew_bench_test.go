//go:build unix

package afflux_test

import (
	"context"
	"fmt"
	"math/bits"
	"syscall"
	"testing"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/blackhole"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/window"
)

// click is the record of the benchmarks of skew: 24 bytes.
type click struct {
	Item uint64
	N    int64
	At   event.Time
}

// clicks is a source of n clicks, evenly on a number of items, a nanosecond
// apart in each subtask.
type clicks struct{ n, items int }

func (s clicks) Describe() connector.Description {
	return connector.Description{Kind: "clicks", Bounded: true}
}

func (s clicks) Open(_ context.Context, sub connector.Subtask) (connector.Reader[click], error) {
	return &clickReader{clicks: clicks{s.n / sub.Parallelism, s.items}, x: uint64(sub.Index) << 40, split: sub.Index}, nil
}

type clickReader struct {
	clicks
	i     int
	x     uint64
	split int
}

func (r *clickReader) Poll(dst *event.Records[click], limit connector.Limit) (connector.Status, error) {
	for range limit.Records {
		if r.i >= r.n {
			return connector.Status{State: connector.Done, Split: r.split}, nil
		}
		r.x += 0x9E3779B97F4A7C15
		hi, lo := bits.Mul64(r.x, 0xd6e8feb86659fd93)
		item, _ := bits.Mul64(hi^lo, uint64(r.items))
		*dst.Next(event.Time(r.i)) = click{item, 1, event.Time(r.i)}
		r.i++
	}
	return connector.Status{Split: r.split}, nil
}

func (r *clickReader) Close() error { return nil }

// processorTime is what the process has used so far.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPreAggregate counts clicks by item in panes of 40 000 records of each
// of two senders. The more items there are, the fewer records a partial result
// stands for.
func BenchmarkPreAggregate(b *testing.B) {
	const paneRecords = 40_000
	for _, items := range []int{100, 1000, 4000, 7000, 10_000, 14_000, 20_000, 1_000_000} {
		for _, c := range []struct {
			name    string
			options []afflux.Option
		}{
			{"never", []afflux.Option{afflux.PreAggregate(false)}},
			{"always", []afflux.Option{afflux.PreAggregate(true)}},
			{"where it pays", nil},
		} {
			b.Run(fmt.Sprint(items, " items/", c.name), func(b *testing.B) {
				j := afflux.NewJob("b", afflux.Parallelism(2))
				afflux.From(j, "clicks", clicks{b.N, items}).
					EventTime(func(v *click) event.Time { return v.At }, afflux.InOrder()).
					KeyBy("item", func(v *click) uint64 { return v.Item }).
					Window(window.Tumbling(paneRecords)).
					Aggregate("count", afflux.Count[click](), c.options...).
					To("out", blackhole.Sink[window.Result[uint64, int64]]())
				began := processorTime()
				r, err := j.Start(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				if err := r.Wait(); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(processorTime()-began)/float64(b.N), "cpu-ns/record")
				partials := 0.0
				for _, o := range r.Snapshot().Operators {
					if o.Name == "count" {
						for _, s := range o.Subtasks {
							partials += float64(s.RecordsIn)
						}
					}
				}
				b.ReportMetric(partials/float64(b.N), "sent/record")
			})
		}
	}
}
