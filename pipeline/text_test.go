package pipeline

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestExpand(t *testing.T) {
	lookup := func(name string) (string, bool) {
		v, ok := map[string]string{"A": "alpha", "EMPTY": "", "NESTED": "${A}"}[name]
		return v, ok
	}
	for in, want := range map[string]string{
		"plain":           "plain",
		"${A}":            "alpha",
		"x-${A}-${B:c d}": "x-alpha-c d",
		"${EMPTY:other}":  "",
		"${NESTED}":       "${A}",
		"$${A} $A {A}":    "${A} $A {A}",
		"${B:}":           "",
		"${B:a:b}":        "a:b",
	} {
		got, _, err := expandText(in, lookup)
		if err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		"${B}":   "the environment variable B is not set",
		"ab ${B": "no closing }",
		"${1}":   "not the name of a variable",
		"${}":    "not the name of a variable",
	} {
		if _, _, err := expandText(in, lookup); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", in, err, want)
		}
	}
}

const settable = `
name: test
sources:
  in: { file: { path: in.csv }, columns: { n: int } }
steps:
  - { name: one, filter: n > 1 }
  - { name: two, filter: n > 2, parallelism: "${P:1}" }
sinks:
  out: { stdout: {} }
`

func TestSet(t *testing.T) {
	p, err := Load("t.yaml", []byte(settable), Options{Lookup: nothing, Set: []string{
		"sources.in.file.path=other=file.csv", "steps.two.filter=n > 7", "steps.0.filter=n > ${LOW:3}", "parallelism=5",
		"name=renamed", "sinks.out.stdout.format=csv", "sources.in.columns={n: int, m: float}", "steps.two.on_error=skip",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if d := p.plan.sources[0].source.Describe(); d.Target != "other=file.csv" {
		t.Errorf("path %q", d.Target)
	}
	for i, want := range []string{"n > 3", "n > 7"} {
		if got := p.plan.steps[i].op.(*filterOp).condition.source; got != want {
			t.Errorf("filter %d: %q, want %q", i, got, want)
		}
	}
	if p.parallelism != 5 || p.name != "renamed" || len(p.plan.sources[0].columns.list) != 2 || p.plan.steps[1].policy.String() != "skip" {
		t.Errorf("%+v", p)
	}
}

func TestWrongSet(t *testing.T) {
	for set, want := range map[string]string{
		"sources.in.file.path":  "--set sources.in.file.path: not of the form path=value",
		"=x":                    "not of the form",
		"steps.three.filter=n":  `in steps: the list has no element "three" (2 elements, counted from 0)`,
		"steps.9.filter=n":      "no element",
		"name.x=1":              `"test" is a value, it has no key "x"`,
		"sources..x=1":          "an empty part",
		"sources.in.fil.path=x": `--set sources.in.fil.path=x: unknown key "fil" of a source; did you mean "file"?`,
		"steps.two.filter=m":    `--set steps.two.filter=m: unknown column "m"`,
		"parallelism=0":         "--set parallelism=0: 0 is too small; write at least 1",
		"sinks=[1":              "--set sinks=[1: a mapping",
		"steps.two.from=":       "there is no source or step",
	} {
		_, err := Load("t.yaml", []byte(settable), Options{Lookup: nothing, Set: []string{set}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--set %s: %v; want %s", set, err, want)
		}
	}
}

func TestSpansAndSizes(t *testing.T) {
	for in, want := range map[string]time.Duration{"0": 0, "250ms": 250 * time.Millisecond, "1h30m": 90 * time.Minute, "2d": 48 * time.Hour, "1d12h": 36 * time.Hour} {
		if got, ok := parseSpan(in); !ok || got != want {
			t.Errorf("%s: %v, %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "5", "d", "-1d", "1d-1h!", "1y", "99999999999h", "65535d9999999h"} {
		if got, ok := parseSpan(in); ok {
			t.Errorf("%q is read as %v", in, got)
		}
	}
	for in, want := range map[string]int64{"1": 1, "64KiB": 65536, "1.5 MiB": 3 << 19, "10MB": 10_000_000, "2GiB": 2 << 30, "7B": 7, "3kB": 3000, "1GB": 1e9} {
		var z size
		r := newReport("t", nil)
		z.read(r, &node{kind: scalarNode, text: in})
		if len(r.all) > 0 || z.value != want {
			t.Errorf("%s: %d, %v", in, z.value, r.err())
		}
	}
	for _, in := range []string{"", "0", "-1", "KiB", "1e99", "NaN", "5 apples", "9999999GiB"} {
		var z size
		r := newReport("t", nil)
		if z.read(r, &node{kind: scalarNode, text: in}); len(r.all) != 1 {
			t.Errorf("%q is read as %d", in, z.value)
		}
	}
}

func TestSuggestions(t *testing.T) {
	names := []string{"filter", "select", "flat_map", "set", "split"}
	for got, want := range map[string]string{"filtre": "filter", "flatmap": "flat_map", "Set": "set", "slpit": "split", "xyz": "", "s": "", "aggregate": ""} {
		if c := closest(got, names); c != want {
			t.Errorf("%s: %q, want %q", got, c, want)
		}
	}
	if d := editDistance("abcd", "acbd"); d != 1 {
		t.Errorf("an exchange costs %d", d)
	}
	if d := editDistance(strings.Repeat("a", 1<<20), "a"); d < 64 {
		t.Errorf("long texts are at a distance of %d", d)
	}
}

func TestBounds(t *testing.T) {
	for name, text := range map[string]string{
		"size":     "name: " + strings.Repeat("x", MaxFile),
		"brackets": strings.Repeat("[", 10_000),
		"indent":   nested(200),
		"utf8":     "name: \xff",
		"problems": "{" + strings.Repeat("x: 1, ", 10) + "}",
	} {
		_, err := Load("t.yaml", []byte(text), Options{Lookup: nothing})
		problems, ok := errors.AsType[Problems](err)
		if !ok || len(problems) > maxProblems || len(err.Error()) > 10_000 {
			t.Errorf("%s: %.300v", name, err)
		}
	}
}

func nested(depth int) string {
	var b strings.Builder
	for i := range depth {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}
