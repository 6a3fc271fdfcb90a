package pipeline

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/affluxdev/afflux"
)

// spot is embedded in every scalar: where it stands, and whether it does.
type spot struct {
	node *node
}

func (s spot) given() bool { return s.node != nil }

func (s spot) at() place {
	if s.node == nil {
		return place{}
	}
	return s.node.at
}

// scalar hands over the text of a scalar node, or reports what stands there.
func (s *spot) scalar(r *report, n *node, what string) (string, bool) {
	if n.kind != scalarNode {
		r.addf(n.at, "%s belongs here, not %s", what, n.kind)
		return "", false
	}
	s.node = n
	return strings.TrimSpace(n.text), true
}

// text is a string.
type text struct {
	spot
	value string
}

func (t *text) read(r *report, n *node) {
	if _, ok := t.scalar(r, n, "a text"); ok {
		t.value = n.text
	}
}

func (t *text) schema() schema { return schema{"type": []any{"string", "number", "boolean"}} }

func (t text) or(fallback string) string {
	if t.given() {
		return t.value
	}
	return fallback
}

// choice is one of a few words.
type choice struct {
	text
	words []string
}

func oneOf(words ...string) choice { return choice{words: words} }

func (c *choice) read(r *report, n *node) {
	s, ok := c.scalar(r, n, "one of "+strings.Join(c.words, ", "))
	if !ok {
		return
	}
	c.value = s
	for _, w := range c.words {
		if w == s {
			return
		}
	}
	r.addf(n.at, "%q is none of %s%s", s, strings.Join(c.words, ", "), didYouMean(s, c.words))
	c.value = ""
}

func (c *choice) schema() schema {
	all := make([]any, len(c.words))
	for i, w := range c.words {
		all[i] = w
	}
	return schema{"enum": all}
}

// didYouMean is suggest where the names are listed already, or too many.
func didYouMean(got string, names []string) string {
	if best := closest(got, names); best != "" {
		return "; did you mean \"" + best + "\"?"
	}
	return ""
}

// whole is a whole number of at least min.
type whole struct {
	spot
	value int64
	min   int64
}

func (w *whole) read(r *report, n *node) {
	s, ok := w.scalar(r, n, "a whole number")
	if !ok {
		return
	}
	v, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 10, 64)
	if err != nil {
		r.addf(n.at, "%q is not a whole number", s)
		return
	}
	if v < w.min {
		r.addf(n.at, "%d is too small; write at least %d", v, w.min)
		return
	}
	w.value = v
}

func (w *whole) schema() schema {
	return schema{"anyOf": []any{schema{"type": "integer", "minimum": w.min}, variableSchema}}
}

func (w whole) or(fallback int) int {
	if w.given() {
		return int(min(w.value, math.MaxInt32))
	}
	return fallback
}

// number is a finite number.
type number struct {
	spot
	value float64
}

func (f *number) read(r *report, n *node) {
	s, ok := f.scalar(r, n, "a number")
	if !ok {
		return
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		r.addf(n.at, "%q is not a number", s)
		return
	}
	f.value = v
}

func (f *number) schema() schema {
	return schema{"anyOf": []any{schema{"type": "number"}, variableSchema}}
}

// flag is true or false.
type flag struct {
	spot
	value bool
}

func (f *flag) read(r *report, n *node) {
	s, ok := f.scalar(r, n, "true or false")
	if !ok {
		return
	}
	switch s {
	case "true":
		f.value = true
	case "false":
		f.value = false
	default:
		r.addf(n.at, "%q is neither true nor false", s)
	}
}

func (f *flag) schema() schema {
	return schema{"anyOf": []any{schema{"type": "boolean"}, variableSchema}}
}

// span is a length of time: 250ms, 10s, 1h30m, 2d.
type span struct {
	spot
	value time.Duration
	zero  bool // 0 is allowed
}

func (d *span) read(r *report, n *node) {
	s, ok := d.scalar(r, n, "a duration like 10s")
	if !ok {
		return
	}
	v, ok := parseSpan(s)
	switch {
	case !ok:
		r.addf(n.at, "%q is not a duration; write a number with a unit, like 250ms, 10s, 1h30m or 2d", s)
	case v < 0, v == 0 && !d.zero:
		r.addf(n.at, "%s is not a positive duration", s)
	default:
		d.value = v
	}
}

func parseSpan(s string) (time.Duration, bool) {
	if s == "0" {
		return 0, true
	}
	var days time.Duration
	if head, rest, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseUint(head, 10, 16)
		if err != nil {
			return 0, false
		}
		days = time.Duration(n) * 24 * time.Hour
		if s = rest; s == "" {
			return days, true
		}
	}
	v, err := time.ParseDuration(s)
	if err != nil || v > math.MaxInt64-days {
		return 0, false
	}
	return days + v, true
}

func (d *span) schema() schema {
	return schema{"type": "string", "pattern": `^(0|[0-9.]+(ns|us|µs|ms|s|m|h|d).*|.*\$\{.*)$`}
}

func (d span) or(fallback time.Duration) time.Duration {
	if d.given() {
		return d.value
	}
	return fallback
}

// signedSpan is a duration that may be negative.
type signedSpan struct{ span }

func (d *signedSpan) read(r *report, n *node) {
	d.zero = true
	if n.kind == scalarNode && len(n.text) > 1 && n.text[0] == '-' {
		positive := *n
		positive.text = n.text[1:]
		d.span.read(r, &positive)
		d.value = -d.value
		return
	}
	d.span.read(r, n)
}

func (d *signedSpan) schema() schema {
	return schema{"type": "string", "pattern": `^(0|-?[0-9.]+(ns|us|µs|ms|s|m|h|d).*|.*\$\{.*)$`}
}

// size is a number of bytes: 65536, 64KiB, 10MB.
type size struct {
	spot
	value int64
}

var sizeUnits = []struct {
	suffix string
	bytes  float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
	{"KB", 1e3}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1},
}

func (z *size) read(r *report, n *node) {
	s, ok := z.scalar(r, n, "a size in bytes like 64KiB")
	if !ok {
		return
	}
	for _, u := range sizeUnits {
		head, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(head), 64)
		if err != nil || math.IsNaN(v) || v*u.bytes < 1 || v*u.bytes > 1<<50 {
			break
		}
		z.value = int64(v * u.bytes)
		return
	}
	r.addf(n.at, "%q is not a size; write a number of bytes, or one with a unit like 64KiB, 1MiB or 10MB", s)
}

func (z *size) schema() schema {
	return schema{"anyOf": []any{schema{"type": "integer", "minimum": 1}, schema{"type": "string"}}}
}

func (z size) or(fallback int64) int64 {
	if z.given() {
		return z.value
	}
	return fallback
}

// spanOrNever is a length of time, or one that does not come.
type spanOrNever struct{ span }

func (d *spanOrNever) read(r *report, n *node) {
	if n.kind == scalarNode && strings.TrimSpace(n.text) == "never" {
		d.node, d.value = n, afflux.Never
		return
	}
	d.span.read(r, n)
}

func (d *spanOrNever) schema() schema {
	return schema{"anyOf": []any{schema{"const": "never"}, d.span.schema()}}
}

// countOrUnlimited is a number of times, or any number of times.
type countOrUnlimited struct{ whole }

func (w *countOrUnlimited) read(r *report, n *node) {
	if n.kind == scalarNode && strings.TrimSpace(n.text) == "unlimited" {
		w.node, w.value = n, afflux.Unlimited
		return
	}
	w.whole.read(r, n)
}

func (w *countOrUnlimited) schema() schema {
	return schema{"anyOf": []any{schema{"const": "unlimited"}, w.whole.schema()}}
}
