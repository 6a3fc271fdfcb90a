package otlp

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// Environment variables that FromEnvironment reads, by the specification of
// OpenTelemetry. Those of the SDK count too, like OTEL_TRACES_SAMPLER,
// OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
const (
	// EndpointVariable is the base URL of a collector, usually
	// http://localhost:4318.
	EndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT"
	// TracesEndpointVariable is the whole URL for traces and goes first.
	TracesEndpointVariable = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	// HeadersVariable has headers of requests: name=value,name=value.
	HeadersVariable = "OTEL_EXPORTER_OTLP_HEADERS"
	// TimeoutVariable bounds a request, in milliseconds; the default is 10 000.
	TimeoutVariable = "OTEL_EXPORTER_OTLP_TIMEOUT"
)

const defaultTimeout = 10 * time.Second

// Options of FromEnvironment.
type Options struct {
	// Service is the name that traces are found by, usually that of the job, unless
	// the environment has one.
	Service string
	// Log takes the first failure to send in a row. The default discards it.
	Log *slog.Logger
}

// FromEnvironment returns a provider that sends to the endpoint that the
// environment names, or nil if it names none. Spans wait in a queue of 2 048; when
// the collector does not keep up, further ones are dropped. Shutdown sends what is
// left.
func FromEnvironment(o Options) (*sdk.TracerProvider, error) {
	e, err := newExporter(os.Getenv, o.Log)
	if e == nil || err != nil {
		return nil, err
	}
	r := resource.Default()
	if name, _ := r.Set().Value(serviceName); strings.HasPrefix(name.AsString(), "unknown_service") {
		if r, err = resource.Merge(r, resource.NewSchemaless(serviceName.String(o.Service))); err != nil {
			return nil, fmt.Errorf("traces: %w", err)
		}
	}
	return sdk.NewTracerProvider(sdk.WithBatcher(e), sdk.WithResource(r)), nil
}

const serviceName = attribute.Key("service.name")

// newExporter returns nil where no endpoint is named.
func newExporter(env func(string) string, log *slog.Logger) (*exporter, error) {
	name, target := TracesEndpointVariable, env(TracesEndpointVariable)
	if target == "" {
		name, target = EndpointVariable, env(EndpointVariable)
		if target == "" {
			return nil, nil
		}
		target = strings.TrimRight(target, "/") + "/v1/traces"
	}
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%s=%q is not the URL of a collector that takes OTLP over HTTP: write http://HOST:4318", name, env(name))
	}
	timeout := defaultTimeout
	if s := env(TimeoutVariable); s != "" {
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%s=%q is not a number of milliseconds", TimeoutVariable, s)
		}
		timeout = time.Duration(n) * time.Millisecond
	}
	headers := http.Header{}
	for pair := range strings.SplitSeq(env(HeadersVariable), ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		key, value, found := strings.Cut(pair, "=")
		value, err := url.QueryUnescape(strings.TrimSpace(value))
		if key = strings.TrimSpace(key); !found || key == "" || err != nil {
			return nil, fmt.Errorf("%s is not a list like name=value,name=value", HeadersVariable)
		}
		headers.Set(key, value)
	}
	headers.Set("Content-Type", "application/json")
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	client := &http.Client{Timeout: timeout, CheckRedirect: stay}
	return &exporter{url: u, headers: headers, client: client, log: log}, nil
}
