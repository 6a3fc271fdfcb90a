package afflux

import (
	"context"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Traces makes a trace of each latency marker: a span of the source that sent it,
// and under it one for each operator that it passed. The provider decides which
// of them are kept, and where they go; package tracing/otlp has one that sends
// them to a collector. It must be safe for concurrent use. How many there are is
// set by LatencyEvery. The default, nil, makes none.
func Traces(p trace.TracerProvider) JobOption {
	return jobOption(func(j *Job) {
		if p == nil {
			j.cfg.Tracer = nil
			return
		}
		j.cfg.Tracer = tracer{p.Tracer(instrumentation), j.name}
	})
}

// instrumentation names who made the spans.
const instrumentation = "github.com/affluxdev/afflux"

// tracer is a metric.Tracer over one of OpenTelemetry.
type tracer struct {
	spans trace.Tracer
	job   string
}

// Begin implements metric.Tracer.
func (t tracer) Begin(s metric.Span) metric.Trace {
	ctx, span := t.start(context.Background(), s)
	if !span.IsRecording() {
		return nil
	}
	span.End(trace.WithTimestamp(s.Left))
	return trail{t, ctx}
}

// trail is a metric.Trace: its context has the span of the source.
type trail struct {
	tracer
	ctx context.Context
}

// Pass implements metric.Trace.
func (p trail) Pass(s metric.Span) {
	_, span := p.start(p.ctx, s)
	if s.InFlight >= 0 {
		span.AddEvent("taken from the channel", trace.WithTimestamp(s.Taken))
	}
	span.End(trace.WithTimestamp(s.Left))
}

// start begins a span that lasts from when the sender passed the marker on.
func (t tracer) start(ctx context.Context, s metric.Span) (context.Context, trace.Span) {
	attributes := []attribute.KeyValue{
		attribute.String("afflux.job", t.job),
		attribute.String("afflux.operator", s.Operator),
		attribute.String("afflux.kind", s.Kind),
		attribute.Int("afflux.subtask", s.Subtask),
		attribute.Float64("afflux.operator_ms", millis(s.Left.Sub(s.Taken))),
	}
	if s.InFlight >= 0 {
		attributes = append(attributes,
			attribute.Float64("afflux.channel_wait_ms", millis(s.Taken.Sub(s.Queued))),
			attribute.Int64("afflux.in_flight_bytes", s.InFlight))
	}
	return t.spans.Start(ctx, s.Operator, trace.WithTimestamp(s.Queued), trace.WithAttributes(attributes...))
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
