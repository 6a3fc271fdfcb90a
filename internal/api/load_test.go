package api

import (
	"testing"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

// moving is a sampler of a large job: 200 operators with 16 subtasks each, and
// 51 000 channels.
func moving(b *testing.B) (s *metric.Sampler, advance func()) {
	b.Helper()
	var samples []*metric.Job
	of := wide(200, 16)
	for second := range 20 {
		samples = append(samples, of(second))
	}
	next := 0
	s = metric.NewSampler(func() *metric.Job {
		// The same numbers again, later: memory holds no more large jobs than these.
		job := *samples[next%len(samples)]
		job.At = began.Add(time.Duration(next) * metric.SampleInterval)
		next++
		return &job
	})
	return s, s.Sample
}

// BenchmarkEvent is what one second costs while a page is open, however many are:
// the diagnosis, the rates and the overview of one sample.
func BenchmarkEvent(b *testing.B) {
	s, advance := moving(b)
	f := newFeed(Options{Sampler: s})
	for range 8 {
		advance()
	}
	b.ReportAllocs()
	size := 0
	for b.Loop() {
		advance()
		size = len(f.look().text)
	}
	b.ReportMetric(float64(size), "B/event")
}

// BenchmarkHistoryPoint is what each 5 seconds cost while nobody looks.
func BenchmarkHistoryPoint(b *testing.B) {
	first, last := wide(200, 16)(9), wide(200, 16)(14)
	b.ReportAllocs()
	for b.Loop() {
		pointOf(first, last)
	}
}

// BenchmarkOperator is one look at the subtasks of an operator.
func BenchmarkOperator(b *testing.B) {
	s, advance := moving(b)
	for range 8 {
		advance()
	}
	h := handlerOf(Options{Sampler: s})
	for b.Loop() {
		get(b, h, "/api/v1/operators/7")
	}
}
