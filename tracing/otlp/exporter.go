package otlp

import (
	"bytes"
	"context"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// exporter posts spans. The SDK calls ExportSpans for one batch at a time.
type exporter struct {
	url     *url.URL
	headers http.Header
	client  *http.Client
	log     *slog.Logger
	failing atomic.Bool
}

// maxAnswer is the most that is read of the answer of a collector.
const maxAnswer = 4 << 10

// ExportSpans implements the SDK's SpanExporter. A failure is logged once, until
// a batch gets through again; the batch is lost.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	if len(spans) == 0 {
		return nil
	}
	if err := e.post(ctx, spans); err != nil {
		if !e.failing.Swap(true) {
			e.log.Warn("traces cannot be sent", "to", e.url.Redacted(), "error", err)
		}
		return nil // the SDK would print it for each batch
	}
	e.failing.Store(false)
	return nil
}

func (e *exporter) post(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	body, err := json.Marshal(encode(spans), jsontext.AllowInvalidUTF8(true)) // as names of operators may have it
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header = e.headers.Clone()
	a, err := e.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = a.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(a.Body, maxAnswer))
	if a.StatusCode/100 != 2 {
		return fmt.Errorf("the collector answered %s: %.200q", a.Status, text)
	}
	return err
}

// stay follows no redirect: the headers, which may have a secret, are for the
// collector that was named.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Shutdown implements the SDK's SpanExporter.
func (e *exporter) Shutdown(context.Context) error {
	e.client.CloseIdleConnections()
	return nil
}

var _ sdk.SpanExporter = (*exporter)(nil)
