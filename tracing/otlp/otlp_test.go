package otlp

import (
	"bytes"
	"context"
	"encoding/json/v2"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// The form that a collector expects, written down here once more.
type posted struct {
	ResourceSpans []struct {
		Resource   struct{ Attributes []pair }
		ScopeSpans []struct {
			Scope struct{ Name string }
			Spans []struct {
				TraceID           string `json:"traceId"`
				SpanID            string `json:"spanId"`
				ParentSpanID      string `json:"parentSpanId"`
				Name              string
				Kind              int
				StartTimeUnixNano int64 `json:",string"`
				EndTimeUnixNano   int64 `json:",string"`
				Attributes        []pair
				Events            []struct {
					Name         string
					TimeUnixNano int64 `json:",string"`
				}
				Status struct {
					Code    int
					Message string
				}
			}
		}
	}
}

type pair struct {
	Key   string
	Value struct {
		StringValue *string
		BoolValue   *bool
		IntValue    *string
		DoubleValue *float64
	}
}

// collector keeps what was posted.
type collector struct {
	server  *httptest.Server
	bodies  []posted
	headers http.Header
	path    string
	answer  int
}

func newCollector(t *testing.T) *collector {
	c := &collector{answer: http.StatusOK}
	c.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		var p posted
		if err = errors.Join(err, json.Unmarshal(text, &p, json.MatchCaseInsensitiveNames(true))); err != nil {
			t.Errorf("%v in %s", err, text)
		}
		c.bodies, c.headers, c.path = append(c.bodies, p), r.Header, r.URL.Path
		w.WriteHeader(c.answer)
		_, _ = io.WriteString(w, `{"message":"full"}`)
	}))
	t.Cleanup(c.server.Close)
	return c
}

// TestSpansArrive sends two spans to a collector.
func TestSpansArrive(t *testing.T) {
	c := newCollector(t)
	t.Setenv(TracesEndpointVariable, "")
	t.Setenv(EndpointVariable, c.server.URL+"/")
	t.Setenv(HeadersVariable, "x-key=a%20b, x-other=2")
	p, err := FromEnvironment(Options{Service: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Unix(1_700_000_000, 123)
	tracer := p.Tracer("engine")
	ctx, parent := tracer.Start(t.Context(), "source", trace.WithTimestamp(began), trace.WithAttributes(
		attribute.Int("n", 7), attribute.String("s", "text"), attribute.Bool("b", true), attribute.Float64("f", 1.5), attribute.IntSlice("l", []int{1, 2})))
	_, child := tracer.Start(ctx, "sink", trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(began.Add(time.Second)))
	child.AddEvent("taken", trace.WithTimestamp(began.Add(2*time.Second)))
	child.SetStatus(codes.Error, "disk full")
	child.End(trace.WithTimestamp(began.Add(3 * time.Second)))
	parent.End(trace.WithTimestamp(began.Add(4 * time.Second)))
	if err := p.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(c.bodies) != 1 || c.path != "/v1/traces" || c.headers.Get("Content-Type") != "application/json" || c.headers.Get("X-Key") != "a b" || c.headers.Get("X-Other") != "2" {
		t.Fatalf("%d requests to %s with %v", len(c.bodies), c.path, c.headers)
	}
	r := c.bodies[0].ResourceSpans
	if len(r) != 1 || len(r[0].ScopeSpans) != 1 || r[0].ScopeSpans[0].Scope.Name != "engine" || len(r[0].ScopeSpans[0].Spans) != 2 {
		t.Fatalf("%+v", r)
	}
	service := ""
	for _, a := range r[0].Resource.Attributes {
		if a.Key == "service.name" {
			service = *a.Value.StringValue
		}
	}
	if service != "orders" {
		t.Errorf("the service is %q", service)
	}
	sink, source := r[0].ScopeSpans[0].Spans[0], r[0].ScopeSpans[0].Spans[1]
	if source.Name != "source" || source.Kind != 1 || source.ParentSpanID != "" || len(source.TraceID) != 32 || len(source.SpanID) != 16 ||
		source.StartTimeUnixNano != began.UnixNano() || source.EndTimeUnixNano != began.UnixNano()+4e9 || source.Status.Code != 0 {
		t.Errorf("%+v", source)
	}
	v := map[string]pair{}
	for _, a := range source.Attributes {
		v[a.Key] = a
	}
	if *v["n"].Value.IntValue != "7" || *v["s"].Value.StringValue != "text" || !*v["b"].Value.BoolValue || *v["f"].Value.DoubleValue != 1.5 || *v["l"].Value.StringValue != "[1,2]" {
		t.Errorf("%+v", source.Attributes)
	}
	if sink.Kind != 5 || sink.ParentSpanID != source.SpanID || sink.TraceID != source.TraceID || sink.Status.Code != 2 || sink.Status.Message != "disk full" ||
		len(sink.Events) != 1 || sink.Events[0].Name != "taken" || sink.Events[0].TimeUnixNano != began.UnixNano()+2e9 {
		t.Errorf("%+v", sink)
	}
}

// TestFailuresAreLoggedOnce tells of a collector that refuses, and again when it
// does so after it has taken something.
func TestFailuresAreLoggedOnce(t *testing.T) {
	c := newCollector(t)
	var log bytes.Buffer
	t.Setenv(TracesEndpointVariable, c.server.URL+"/custom")
	p, err := FromEnvironment(Options{Service: "orders", Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	send := func(answer int) {
		c.answer = answer
		_, s := p.Tracer("engine").Start(t.Context(), "source")
		s.End()
		if err := p.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for _, answer := range []int{429, 503, 200, 200, 400} {
		send(answer)
	}
	c.server.Close()
	send(200)
	if err := p.Shutdown(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
	if text := log.String(); strings.Count(text, "traces cannot be sent") != 2 || !strings.Contains(text, "429") || !strings.Contains(text, "full") || c.path != "/custom" {
		t.Errorf("to %s: %s", c.path, text)
	}
}

// TestHeadersStayWhereTheyBelong follows no redirect with what may be a secret, and
// logs no password.
func TestHeadersStayWhereTheyBelong(t *testing.T) {
	other := newCollector(t)
	redirect := httptest.NewServer(http.RedirectHandler(other.server.URL, http.StatusTemporaryRedirect))
	defer redirect.Close()
	var log bytes.Buffer
	t.Setenv(TracesEndpointVariable, strings.Replace(redirect.URL, "http://", "http://me:s3cret@", 1)+"/v1/traces")
	t.Setenv(HeadersVariable, "x-key=a")
	p, err := FromEnvironment(Options{Service: "orders", Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	_, s := p.Tracer("engine").Start(t.Context(), "source")
	s.End()
	if err := p.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if text := log.String(); len(other.bodies) != 0 || !strings.Contains(text, "307") || strings.Contains(text, "s3cret") {
		t.Errorf("%d requests were redirected: %s", len(other.bodies), text)
	}
}

// TestOddNames sends spans whose names are no valid text.
func TestOddNames(t *testing.T) {
	c := newCollector(t)
	t.Setenv(TracesEndpointVariable, c.server.URL)
	p, err := FromEnvironment(Options{Service: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	_, s := p.Tracer("engine").Start(t.Context(), "so\xffurce", trace.WithAttributes(attribute.String("s", "\xfe")))
	s.End()
	if err := p.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if len(c.bodies) != 1 || c.bodies[0].ResourceSpans[0].ScopeSpans[0].Spans[0].Name != "so\ufffdurce" {
		t.Errorf("%+v", c.bodies)
	}
}

func TestEnvironment(t *testing.T) {
	for _, c := range []struct{ variable, value, complaint string }{
		{EndpointVariable, "", ""},
		{EndpointVariable, "localhost:4317", EndpointVariable},
		{EndpointVariable, "grpc://localhost:4317", EndpointVariable},
		{TracesEndpointVariable, "http://", TracesEndpointVariable},
		{TimeoutVariable, "soon", TimeoutVariable},
		{TimeoutVariable, "0", TimeoutVariable},
		{HeadersVariable, "novalue", HeadersVariable},
		{HeadersVariable, "a=%zz", HeadersVariable},
	} {
		e, err := newExporter(func(name string) string {
			switch {
			case name == c.variable:
				return c.value
			case name == EndpointVariable && c.variable != EndpointVariable:
				return "http://localhost:4318"
			}
			return ""
		}, nil)
		if c.complaint == "" && (e != nil || err != nil) || c.complaint != "" && (err == nil || !strings.Contains(err.Error(), c.complaint)) {
			t.Errorf("%s=%q: %v, %v", c.variable, c.value, e, err)
		}
	}
}
