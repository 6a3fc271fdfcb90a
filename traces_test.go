package afflux_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/blackhole"
)

// attributeOf is 0 and false where a span has no such number.
func attributeOf(s sdk.ReadOnlySpan, name string) (float64, bool) {
	for _, a := range s.Attributes() {
		switch {
		case string(a.Key) != name:
		case a.Value.Type() == attribute.FLOAT64:
			return a.Value.AsFloat64(), true
		default:
			return float64(a.Value.AsInt64()), true
		}
	}
	return 0, false
}

// A trace has a span for each operator, under that of the source, which says how
// long the operator took, fused or not, and how long the channel ahead of it.
func TestTraces(t *testing.T) {
	for name, options := range map[string][]afflux.JobOption{"fused": nil, "apart": {afflux.NoChaining()}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spans := tracetest.NewSpanRecorder()
				provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(spans))
				j := afflux.NewJob("traced", append(options, afflux.Parallelism(1), afflux.LatencyEvery(time.Second), afflux.Traces(provider))...)
				afflux.From(j, "in", &ticking{every: 500 * time.Millisecond, left: 41}).
					Map("five", take(5*time.Millisecond)).
					Map("twenty", take(20*time.Millisecond)).
					To("out", blackhole.Sink[int]())
				measured(t, j)
				traces := map[string][]sdk.ReadOnlySpan{}
				for _, s := range spans.Ended() {
					id := s.SpanContext().TraceID().String()
					traces[id] = append(traces[id], s)
				}
				if len(traces) < 15 || len(traces) > 21 {
					t.Fatalf("%d traces in 20 s", len(traces))
				}
				for _, list := range traces {
					path(t, list, name == "fused")
				}
			})
		})
	}
}

// path checks one trace.
func path(t *testing.T, list []sdk.ReadOnlySpan, fused bool) {
	t.Helper()
	slices.SortFunc(list, func(a, b sdk.ReadOnlySpan) int { return a.StartTime().Compare(b.StartTime()) })
	if len(list) != 4 {
		t.Fatalf("%d spans", len(list))
	}
	root := slices.IndexFunc(list, func(s sdk.ReadOnlySpan) bool { return s.Name() == "in" })
	for _, s := range list {
		want := map[string]float64{"in": 0, "five": 5, "twenty": 20, "out": 0}[s.Name()]
		if ms, ok := attributeOf(s, "afflux.operator_ms"); !ok || ms < want || ms > want+1 {
			t.Errorf("%s took %v ms, want %v", s.Name(), ms, want)
		}
		if took := s.EndTime().Sub(s.StartTime()); took < time.Duration(want)*time.Millisecond {
			t.Errorf("%s lasts %v", s.Name(), took)
		}
		if s.Name() == "in" {
			if s.Parent().IsValid() {
				t.Error("the span of the source has a parent")
			}
			continue
		}
		if s.Parent().SpanID() != list[root].SpanContext().SpanID() {
			t.Errorf("%s is not under the source", s.Name())
		}
		held, ok := attributeOf(s, "afflux.in_flight_bytes")
		if ok == fused || held < 0 || len(s.Events()) == 1 == fused {
			t.Errorf("%s: %v bytes in flight (known: %v), events %v", s.Name(), held, ok, s.Events())
		}
	}
	last := slices.IndexFunc(list, func(s sdk.ReadOnlySpan) bool { return s.Name() == "out" })
	if d := list[last].EndTime().Sub(list[root].StartTime()); d < 25*time.Millisecond || d > 26*time.Millisecond {
		t.Errorf("the trace lasts %v", d)
	}
}

// A trace tells that a marker waited, and behind how much.
func TestTracesOfPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spans := tracetest.NewSpanRecorder()
		provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(spans))
		j := afflux.NewJob("pressed", afflux.Parallelism(1), afflux.NoChaining(), afflux.Buffers(2, 1024), afflux.WindowTarget(-1),
			afflux.LatencyEvery(10*time.Millisecond), afflux.Traces(provider))
		afflux.From(j, "in", &ticking{left: 3000}).Map("slow", take(time.Millisecond)).To("out", blackhole.Sink[int]())
		measured(t, j)
		var longest, most float64
		for _, s := range spans.Ended() {
			wait, _ := attributeOf(s, "afflux.channel_wait_ms")
			held, _ := attributeOf(s, "afflux.in_flight_bytes")
			if s.Name() == "slow" {
				longest, most = max(longest, wait), max(most, held)
			} else if wait > 70 { // one batch of slow
				t.Errorf("%s waited for %v ms", s.Name(), wait)
			}
		}
		if longest < 64 || most < 1024 {
			t.Errorf("at most %v ms behind %v bytes", longest, most)
		}
	})
}

// A provider that samples nothing is asked for a span of the source only.
func TestTracesNotSampled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spans := tracetest.NewSpanRecorder()
		provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(spans), sdk.WithSampler(sdk.NeverSample()))
		j := afflux.NewJob("unsampled", afflux.Traces(provider))
		afflux.From(j, "in", &ticking{left: 1000}).Map("same", take(0)).To("out", blackhole.Sink[int]())
		measured(t, j)
		if n := len(spans.Started()); n != 0 {
			t.Errorf("%d spans", n)
		}
	})
}
