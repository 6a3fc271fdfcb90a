package pipeline

import (
	"bytes"
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/guard"
)

// httpOp asks a web service for each record and puts parts of the answer into
// columns.
type httpOp struct {
	columns *columns
	method  string
	url     []urlPart
	headers http.Header
	body    *formula
	answers []answerField
	limit   int64
	client  *http.Client
	async   []afflux.AsyncOption
}

// urlPart is fixed text or a formula; query tells how its value is escaped.
type urlPart struct {
	text    string
	formula *formula
	query   bool
}

// answerField takes a value of the answer into a column.
type answerField struct {
	field
	path []string
	at   int
}

func (c *checker) http(s *stepConfig, cols *columns) operation {
	h := &s.http.value
	o := &httpOp{method: h.method.or(http.MethodGet), headers: http.Header{}, limit: h.maxResponse.or(1 << 20)}
	o.body = c.compileExpression(&h.body, cols)
	for _, e := range h.headers.list {
		o.headers.Set(e.name, e.value.value)
	}
	if h.body.given() && o.method == http.MethodGet {
		c.addf(h.body.at(), "a GET request has no body; add method: POST")
	}
	if h.url.given() {
		o.url = c.urlParts(h.url, cols)
	}
	inFlight := h.inFlight.or(64)
	o.async = []afflux.AsyncOption{afflux.InFlight(max(inFlight, 1)), afflux.Timeout(max(h.timeout.or(10*time.Second), 1)), afflux.Retry(h.retry.or(0))}
	if h.ordered.given() && !h.ordered.value {
		o.async = append(o.async, afflux.Unordered())
	}
	o.client = &http.Client{Transport: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		MaxIdleConnsPerHost: inFlight,
		IdleConnTimeout:     30 * time.Second,
	}}
	if cols == nil {
		return unknown{}
	}
	r := &reshape{}
	for i := range cols.list {
		r.keep(cols, i)
	}
	for i := range h.columns.list {
		e := &h.columns.list[i]
		c.columnName(e.name, e.at)
		f := c.field(e.name, &e.value)
		r.put(e.name, &formula{source: e.name, kind: f.kind})
		o.answers = append(o.answers, answerField{field: f, path: strings.Split(f.input, ".")})
	}
	o.columns = newColumns(r.list)
	for i := range o.answers {
		o.answers[i].at = o.columns.find(o.answers[i].name)
	}
	return o
}

// urlParts reads a template: expressions stand in braces.
func (c *checker) urlParts(t text, cols *columns) []urlPart {
	var parts []urlPart
	rest, offset, query := t.value, 0, false
	for rest != "" {
		open := strings.IndexByte(rest, '{')
		if open < 0 {
			open = len(rest)
		}
		if open > 0 {
			parts = append(parts, urlPart{text: rest[:open]})
			query = query || strings.Contains(rest[:open], "?")
		}
		if open == len(rest) {
			break
		}
		end := strings.IndexByte(rest[open:], '}')
		if end < 0 {
			c.addf(t.node.within(c.report, 1, len([]rune(t.value[:offset+open]))), "the brace is not closed; write {expression}")
			break
		}
		if cols != nil {
			parts = append(parts, urlPart{formula: c.compile(t.node, rest[open+1:open+end], offset+open+1, cols), query: query})
		}
		offset += open + end + 1
		rest = rest[open+end+1:]
	}
	if !strings.HasPrefix(t.value, "http://") && !strings.HasPrefix(t.value, "https://") {
		c.addf(t.at(), "%q is not an address; begin it with http:// or https://", t.value)
	}
	return parts
}

func (o *httpOp) outputs() []output { return []output{{columns: o.columns}} }

func (o *httpOp) build(s *stepPlan, in []*afflux.Stream[Row]) []*afflux.Stream[Row] {
	options := append([]afflux.AsyncOption{}, o.async...)
	for _, opt := range s.onError() {
		options = append(options, opt)
	}
	return []*afflux.Stream[Row]{in[0].MapAsync(s.name, o.call, options...)}
}

func (o *httpOp) address(row *Row) (string, error) {
	var b strings.Builder
	for _, p := range o.url {
		if p.formula == nil {
			b.WriteString(p.text)
			continue
		}
		v, err := p.formula.eval(row)
		if err != nil {
			return "", err
		}
		s, err := plainText(v, time.RFC3339Nano)
		if err != nil {
			return "", err
		}
		if p.query {
			b.WriteString(url.QueryEscape(s))
		} else {
			b.WriteString(url.PathEscape(s))
		}
	}
	return b.String(), nil
}

func (o *httpOp) call(ctx context.Context, row *Row) (Row, error) {
	address, err := o.address(row)
	if err != nil {
		return Row{}, guard.Permanent(err)
	}
	var body io.Reader
	if o.body != nil {
		v, err := o.body.eval(row)
		if err == nil {
			var s string
			s, err = plainText(v, time.RFC3339Nano)
			body = strings.NewReader(s)
		}
		if err != nil {
			return Row{}, guard.Permanent(err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, o.method, address, body)
	if err != nil {
		return Row{}, guard.Permanent(err)
	}
	request.Header = o.headers.Clone()
	answer, err := o.client.Do(request)
	if err != nil {
		return Row{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(answer.Body, o.limit+1))
	if err != nil {
		return Row{}, fmt.Errorf("%s %s: %w", o.method, address, err)
	}
	if err := o.refused(answer, address, data); err != nil {
		return Row{}, err
	}
	values, err := o.take(row, data)
	if err != nil {
		return Row{}, guard.Permanent(fmt.Errorf("%s %s: %w", o.method, address, err))
	}
	return Row{columns: o.columns, values: values}, nil
}

// refused turns an answer other than 2xx into an error of the right kind.
func (o *httpOp) refused(answer *http.Response, address string, data []byte) error {
	if int64(len(data)) > o.limit {
		return guard.Permanent(fmt.Errorf("%s %s: the answer is longer than %d bytes; raise max_response", o.method, address, o.limit))
	}
	code := answer.StatusCode
	if code >= 200 && code < 300 {
		return nil
	}
	err := fmt.Errorf("%s %s: %s: %s", o.method, address, answer.Status, bytes.TrimSpace(data[:min(len(data), 200)]))
	switch {
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		return &guard.Throttled{After: retryAfter(answer.Header.Get("Retry-After"), time.Now()), Err: err}
	case code >= 500 || code == http.StatusRequestTimeout:
		return err
	}
	return guard.Permanent(err)
}

// retryAfter reads the header Retry-After: seconds or a date; 0 if there is none.
func retryAfter(s string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(strings.TrimSpace(s)); err == nil {
		return time.Duration(min(max(seconds, 0), 86_400)) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return min(max(t.Sub(now), 0), 24*time.Hour)
	}
	return 0
}

// take makes the row of the result.
func (o *httpOp) take(row *Row, data []byte) ([]any, error) {
	var answer any
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, fmt.Errorf("the answer is not JSON: %w", err)
	}
	answer = wholeNumbers(answer, 0)
	values := make([]any, len(o.columns.list))
	copy(values, row.values)
	for i := range o.answers {
		f := &o.answers[i]
		v := answer
		for _, key := range f.path {
			object, ok := v.(map[string]any)
			if !ok {
				v = nil
				break
			}
			v = object[key]
		}
		v, err := f.timed(v)
		if err != nil {
			return nil, err
		}
		x, err := f.kind.coerce(v)
		if err != nil {
			return nil, errors.New("in the answer: " + f.errorf("%v", err).Error())
		}
		values[f.at] = x
	}
	return values, nil
}
