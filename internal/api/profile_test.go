package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
	"github.com/google/pprof/profile"
)

//go:noinline
func burn(stop <-chan struct{}) (n uint64) {
	for {
		for i := range uint64(100_000) {
			n = n*31 + i
		}
		select {
		case <-stop:
			return n
		default:
		}
	}
}

// TestProfile finds the operator that works, in a real profile.
func TestProfile(t *testing.T) {
	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		pprof.Do(context.Background(), pprof.Labels(metric.ProfileLabel, "count"), func(context.Context) { burn(stop) })
	}()
	defer func() { close(stop); <-ended }()
	s := serve(t, Options{Listen: "127.0.0.1:0", Sampler: sampled(after)})
	ask := func(query string) (int, string) {
		answer, err := http.Get(s.URL() + profilePath + query)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		defer http.DefaultClient.CloseIdleConnections()
		text, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(text)
	}
	var v profileView
	began := time.Now()
	status, body := ask("?seconds=1")
	if err := json.Unmarshal([]byte(body), &v); status != 200 || err != nil {
		t.Fatal(status, err, body)
	}
	if v.Seconds < 1 || time.Since(began) < time.Second || v.TotalMs <= 0 || v.TotalMs != v.Root.Millis {
		t.Errorf("%+v", v)
	}
	var count *flame
	for _, c := range v.Root.Children {
		if c.Name == "count" {
			count = c
		}
	}
	if count == nil || count.Millis <= 0 || !strings.Contains(body, "api.burn") {
		t.Fatalf("no time of the operator: %s", body)
	}
	status, body = ask("?seconds=1&operator=nothing")
	if status != 200 || !strings.Contains(body, `"root":{"name":"all","ms":0}`) {
		t.Errorf("an operator that does not work: %d %s", status, body)
	}
	if metric.Profiling() {
		t.Error("tasks still label themselves")
	}
}

// TestOneProfileAtATime refuses a second one, and what makes no sense.
func TestOneProfileAtATime(t *testing.T) {
	closing := make(chan struct{})
	p := newProfiler(closing)
	ask := func(ctx context.Context, query string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		p.serve(w, httptest.NewRequest(http.MethodGet, profilePath+query, nil).WithContext(ctx))
		return w
	}
	for _, query := range []string{"?seconds=0", "?seconds=31", "?seconds=-1", "?seconds=", "?seconds=1.5", "?seconds=x", "?seconds=99999999999999999999", "?operator=" + strings.Repeat("x", 300)} {
		if w := ask(t.Context(), query); w.Code != 400 {
			t.Errorf("%s: %d", query, w.Code)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() { ask(ctx, "?seconds=30"); close(gone) }()
	for !metric.Profiling() {
		<-time.After(time.Millisecond)
	}
	if w := ask(t.Context(), "?seconds=7"); w.Code != 409 || w.Header().Get("Retry-After") != "7" {
		t.Errorf("a second one: %d %v", w.Code, w.Header())
	}
	cancel() // who asked has gone
	<-gone
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		t.Fatal(err)
	}
	if w := ask(t.Context(), "?seconds=1"); w.Code != 409 {
		t.Errorf("beside one of the program's own: %d", w.Code)
	}
	pprof.StopCPUProfile()
	close(closing) // the server closes: there is an answer at once
	if w := ask(t.Context(), "?seconds=30"); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestFlameIsBounded cuts depth and small things, and loses no time.
func TestFlameIsBounded(t *testing.T) {
	p := &profile.Profile{SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}}}
	location := func(name string) *profile.Location {
		return &profile.Location{Line: []profile.Line{{Function: &profile.Function{Name: "example.com/x/" + name}}}}
	}
	sample := func(operator string, nanos int64, stack ...string) {
		s := &profile.Sample{Value: []int64{1, nanos}}
		if operator != "" {
			s.Label = map[string][]string{metric.ProfileLabel: {operator}}
		}
		for _, name := range stack { // innermost first
			s.Location = append(s.Location, location(name))
		}
		p.Sample = append(p.Sample, s)
	}
	deep := make([]string, 500)
	for i := range deep {
		deep[i] = "f" + itoa(i)
	}
	sample("map", 600_000_000, deep...)
	sample("map", 1_000_000, "small.F", "f499")
	sample("", 300_000_000, "runtime.gcBgMarkWorker")
	sample("sink", 99_000_000, "x.Write[go.shape.struct { a/b/c }]")
	p.Sample = append(p.Sample, &profile.Sample{}, &profile.Sample{Value: []int64{1, -5}}, &profile.Sample{Value: []int64{1, 1}, Location: []*profile.Location{nil, {}}})
	root := flameOf(p, "")
	if root.Millis < 1000 || root.Millis > 1000.1 || len(root.Children) != 3 || root.Children[0].Name != "map" || root.Children[1].Name != unlabelled {
		t.Fatalf("%+v", root)
	}
	depth := 0
	for at := root.Children[0]; len(at.Children) > 0; at = at.Children[0] {
		depth++
		if len(at.Children) != 1 {
			t.Errorf("what has a thousandth is shown under %s", at.Name)
		}
	}
	if depth != maxFlameDepth {
		t.Errorf("%d levels", depth)
	}
	if name := root.Children[2].Children[0].Name; name != "x.Write[...]" {
		t.Error(name)
	}
	if only := flameOf(p, "sink"); only.Millis != 99 || len(only.Children) != 1 || only.Children[0].Name != "sink" {
		t.Errorf("%+v", only)
	}
	// Very many that each have enough: as many are left as there may be.
	p.Sample = nil
	for i := range 400 {
		stack := make([]string, 40)
		for k := range stack {
			stack[k] = "f" + itoa(i) + "_" + itoa(k)
		}
		sample("op", int64(1_000_000+i), stack...)
	}
	nodes := 0
	var count func(*flame)
	count = func(f *flame) {
		nodes++
		for _, c := range f.Children {
			count(c)
		}
	}
	count(flameOf(p, ""))
	if nodes > maxFlameNodes || nodes < maxFlameNodes/2 {
		t.Errorf("%d nodes of 16000, want at most %d", nodes, maxFlameNodes)
	}
	if empty := flameOf(&profile.Profile{}, ""); empty.Millis != 0 || empty.Children != nil {
		t.Errorf("%+v", empty)
	}
}

func TestShortName(t *testing.T) {
	for name, want := range map[string]string{
		"main.main":                    "main.main",
		"example.com/a/b.(*T).M.func1": "b.(*T).M.func1",
		"example.com/a/b.(*T[go.shape.struct { N []example.com/c/d.E[int] }]).M[...].func1": "b.(*T[...]).M[...].func1",
		"b.F[" + strings.Repeat("example.com/c.D,", 20) + "]":                               "b.F[...]",
		"b.F[cut/off":                   "b.F[...]",
		"b.F]x/y":                       "y",
		"[]":                            "[...]",
		"":                              "",
		"a/" + strings.Repeat("b", 300): strings.Repeat("b", maxFunctionName),
	} {
		if got := shortName(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func FuzzFlame(f *testing.F) {
	f.Add([]byte{}, "")
	f.Add([]byte("\x0a\x04\x08\x01\x10\x02\x12\x04\x08\x00\x10\x05"), "op")
	f.Fuzz(func(t *testing.T, text []byte, operator string) {
		p, err := profile.ParseUncompressed(text)
		if err != nil {
			return
		}
		if _, err := json.Marshal(flameOf(p, operator)); err != nil {
			t.Error(err)
		}
	})
}

func TestBoundedBuffer(t *testing.T) {
	b := &bounded{most: 5}
	for _, s := range []string{"abc", "de", "", "f", "g"} {
		if n, err := b.Write([]byte(s)); n != len(s) || err != nil {
			t.Error(n, err)
		}
	}
	if b.String() != "abcde" || !b.over {
		t.Errorf("%q over %v", b.String(), b.over)
	}
}
