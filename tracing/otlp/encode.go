package otlp

import (
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// The JSON form of OTLP: identifiers are hexadecimal, 64-bit numbers strings.
type (
	request struct {
		ResourceSpans []resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource   attributes   `json:"resource"`
		ScopeSpans []scopeSpans `json:"scopeSpans"`
	}
	attributes struct {
		Attributes []keyValue `json:"attributes"`
	}
	scopeSpans struct {
		Scope scope  `json:"scope"`
		Spans []span `json:"spans"`
	}
	scope struct {
		Name    string `json:"name"`
		Version string `json:"version,omitempty"`
	}
	span struct {
		TraceID    string     `json:"traceId"`
		SpanID     string     `json:"spanId"`
		Parent     string     `json:"parentSpanId,omitempty"`
		Name       string     `json:"name"`
		Kind       int        `json:"kind"`
		Start      string     `json:"startTimeUnixNano"`
		End        string     `json:"endTimeUnixNano"`
		Attributes []keyValue `json:"attributes"`
		Events     []happened `json:"events,omitempty"`
		Status     *status    `json:"status,omitempty"`
	}
	happened struct {
		Time       string     `json:"timeUnixNano"`
		Name       string     `json:"name"`
		Attributes []keyValue `json:"attributes,omitempty"`
	}
	status struct {
		Code    int    `json:"code"`
		Message string `json:"message,omitempty"`
	}
	keyValue struct {
		Key   string         `json:"key"`
		Value map[string]any `json:"value"`
	}
)

// encode groups spans by what made them.
func encode(spans []sdk.ReadOnlySpan) request {
	var r request
	resources := map[attribute.Distinct]int{}
	scopes := map[attribute.Distinct]map[scope]int{}
	for _, s := range spans {
		key := s.Resource().Equivalent()
		i, known := resources[key]
		if !known {
			i = len(r.ResourceSpans)
			resources[key], scopes[key] = i, map[scope]int{}
			r.ResourceSpans = append(r.ResourceSpans, resourceSpans{Resource: attributes{encodeAttributes(s.Resource().Attributes())}})
		}
		group := &r.ResourceSpans[i]
		by := scope{s.InstrumentationScope().Name, s.InstrumentationScope().Version}
		k, known := scopes[key][by]
		if !known {
			k = len(group.ScopeSpans)
			scopes[key][by] = k
			group.ScopeSpans = append(group.ScopeSpans, scopeSpans{Scope: by})
		}
		group.ScopeSpans[k].Spans = append(group.ScopeSpans[k].Spans, encodeSpan(s))
	}
	return r
}

func encodeSpan(s sdk.ReadOnlySpan) span {
	x := span{
		TraceID: s.SpanContext().TraceID().String(), SpanID: s.SpanContext().SpanID().String(),
		Name: s.Name(), Kind: kindOf(s.SpanKind()), Start: nanos(s.StartTime()), End: nanos(s.EndTime()),
		Attributes: encodeAttributes(s.Attributes()),
	}
	if p := s.Parent(); p.HasSpanID() {
		x.Parent = p.SpanID().String()
	}
	for _, e := range s.Events() {
		x.Events = append(x.Events, happened{nanos(e.Time), e.Name, encodeAttributes(e.Attributes)})
	}
	switch st := s.Status(); st.Code {
	case codes.Ok:
		x.Status = &status{Code: 1}
	case codes.Error:
		x.Status = &status{2, st.Description}
	}
	return x
}

// kindOf is the number of a kind in OTLP.
func kindOf(k trace.SpanKind) int {
	switch k {
	case trace.SpanKindServer:
		return 2
	case trace.SpanKindClient:
		return 3
	case trace.SpanKindProducer:
		return 4
	case trace.SpanKindConsumer:
		return 5
	}
	return 1 // internal
}

func nanos(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

func encodeAttributes(list []attribute.KeyValue) []keyValue {
	out := make([]keyValue, 0, len(list))
	for _, a := range list {
		out = append(out, keyValue{string(a.Key), encodeValue(a.Value)})
	}
	return out
}

// encodeValue tells the type. Lists are written as text: no span of ours has one.
func encodeValue(v attribute.Value) map[string]any {
	switch v.Type() {
	case attribute.BOOL:
		return map[string]any{"boolValue": v.AsBool()}
	case attribute.INT64:
		return map[string]any{"intValue": strconv.FormatInt(v.AsInt64(), 10)}
	case attribute.FLOAT64:
		return map[string]any{"doubleValue": v.AsFloat64()}
	}
	return map[string]any{"stringValue": v.String()}
}
