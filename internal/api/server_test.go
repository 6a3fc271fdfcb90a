package api

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// routes serves a job without a server.
func routes(s *metric.Sampler, taken Checkpoints) http.Handler {
	return handlerOf(Options{Sampler: s, Checkpoints: taken})
}

func handlerOf(o Options) http.Handler {
	h, err := handler(o, newFeed(o), nil)
	if err != nil {
		panic(err)
	}
	return h
}

// get asks a handler.
func get(t testing.TB, h http.Handler, path string) (status int, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil))
	return w.Code, w.Body.String()
}

func TestJobAsJSON(t *testing.T) {
	golden(t, routes(sampled(after), nil), "/api/v1/job", "job.json")
}

// golden compares an answer with a file of testdata.
func golden(t *testing.T, h http.Handler, at, file string) {
	t.Helper()
	status, body := get(t, h, at)
	if status != 200 {
		t.Fatal(status, body)
	}
	var v any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(text)+"\n" != string(want) {
		t.Errorf("%s differs from %s; look at the difference, then run with -update\n%s", at, path, text)
	}
}

func TestJobOfHostileNamesIsJSON(t *testing.T) {
	sampler := sampled(hostile)
	status, body := get(t, routes(sampler, nil), "/api/v1/job")
	var v jobView
	if err := json.Unmarshal([]byte(body), &v); status != 200 || err != nil {
		t.Fatal(status, err)
	}
	if n := len(v.Accounts[0].Subtasks[0].Gauges); n != 10 {
		t.Errorf("%d gauges, want the 10 that are finite", n)
	}
	if _, now := sampler.Pair(); len(now.Operators[0].Subtasks[0].Gauges) != 12 {
		t.Error("a snapshot was changed")
	}
}

func TestHealth(t *testing.T) {
	for state, want := range map[string]int{
		"": 503, "created": 503, "running": 200, "restarting": 200, "draining": 200, "finished": 200, "suspended": 200, "failed": 503, "cancelled": 503,
	} {
		sampler := metric.NewSampler(func() *metric.Job {
			if state == "" {
				return nil
			}
			return &metric.Job{State: state, Error: "secret"}
		})
		status, body := get(t, routes(sampler, nil), healthPath)
		if status != want || strings.Contains(body, "secret") {
			t.Errorf("%q: %d %s", state, status, body)
		}
	}
	if status, _ := get(t, routes(metric.NewSampler(func() *metric.Job { return nil }), nil), "/api/v1/job"); status != 503 {
		t.Errorf("the job that has not started: %d", status)
	}
}

func serve(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Serve(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestServer(t *testing.T) {
	s := serve(t, Options{Listen: "127.0.0.1:0", Sampler: sampled(after)})
	client := &http.Client{}
	defer client.CloseIdleConnections()
	for _, c := range []struct {
		method, path, host, body string
		want                     int
	}{
		{"GET", "/", "", "", 200},
		{"GET", "/metrics", "", "", 200},
		{"HEAD", "/metrics", "", "", 200},
		{"GET", "/api/v1/job", "localhost:8080", "", 200},
		{"GET", "/api/v1/job", "LOCALHOST.", "", 200},
		{"GET", "/api/v1/job", "[::1]:1", "", 200},
		{"GET", "/api/v1/job", "127.1.2.3", "", 200},
		{"GET", "/api/v1/job", "evil.example:8080", "", 403},
		{"GET", "/api/v1/job", "localhost.evil.example", "", 403},
		{"GET", "/api/v1/job", "192.168.1.1:8080", "", 403},
		{"GET", healthPath, "evil.example", "", 403},
		{"POST", "/api/v1/job", "", "x", 405},
		{"DELETE", "/api/v1/job", "", "", 405},
		{"OPTIONS", "/api/v1/job", "", "", 405},
		{"GET", "/api/v1/job", "", "body", 413},
		{"GET", "/nothing", "", "", 404},
	} {
		var body io.Reader
		if c.body != "" {
			body = strings.NewReader(c.body)
		}
		r, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+s.Addr()+c.path, body)
		if err != nil {
			t.Fatal(err)
		}
		if c.host != "" {
			r.Host = c.host
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != c.want {
			t.Errorf("%s %s as %q: %d, want %d", c.method, c.path, c.host, answer.StatusCode, c.want)
		}
		if answer.Header.Get("Access-Control-Allow-Origin") != "" || answer.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("headers %v", answer.Header)
		}
	}
}

func TestToken(t *testing.T) {
	// On loopback, under a public name: behind a proxy that speaks TLS.
	h := guard(routes(sampled(after), nil), rules{session: session{token: "s3cret"}, loopback: true, mayAsk: true})
	for _, c := range []struct {
		path, authorization string
		want                int
	}{
		{"/metrics", "", 401},
		{"/metrics", "Bearer wrong", 401},
		{"/metrics", "Bearer s3cre", 401},
		{"/metrics", "Basic s3cret", 401},
		{"/metrics", "s3cret", 401},
		{"/metrics", "Bearer s3cret", 200},
		{"/metrics", "bearer s3cret", 200},
		{"/api/v1/job", "", 401},
		{"/api/v1/job?token=s3cret", "", 401},
		{"/", "", 401},
		{healthPath, "", 200},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://worker-3.example:8080"+c.path, nil)
		if c.authorization != "" {
			r.Header.Set("Authorization", c.authorization)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s with %q: %d, want %d", c.path, c.authorization, w.Code, c.want)
		}
	}
}

func TestListenElsewhereNeedsAToken(t *testing.T) {
	sampler := sampled(after)
	for _, listen := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:0", "8080", ""} {
		s, err := Serve(t.Context(), Options{Listen: listen, Sampler: sampler})
		if err == nil {
			_ = s.Close()
			t.Errorf("serves on %q without a token", listen)
			continue
		}
		if !strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%q: an error that does not say what to do: %v", listen, err)
		}
	}
	serve(t, Options{Listen: "0.0.0.0:0", Token: "s3cret", Sampler: sampler})
	serve(t, Options{Listen: "localhost:0", Sampler: sampler})
}

func TestAddressInUse(t *testing.T) {
	s := serve(t, Options{Listen: "127.0.0.1:0", Sampler: sampled(after)})
	_, err := Serve(t.Context(), Options{Listen: s.Addr(), Sampler: sampled(after)})
	if err == nil || !strings.Contains(err.Error(), "--listen") {
		t.Errorf("second server on one address: %v", err)
	}
}

func TestContextEndsTheServer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, err := Serve(ctx, Options{Listen: "127.0.0.1:0", Sampler: sampled(after)})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-s.done
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error("second Close:", err)
	}
	if c, err := net.DialTimeout("tcp", s.Addr(), time.Second); err == nil {
		_ = c.Close()
		t.Error("still listening")
	}
}

// TestConnectionsAreBounded opens one more connection than is allowed: it is
// served as soon as another one closes.
func TestConnectionsAreBounded(t *testing.T) {
	inner, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newLimited(inner, 2)
	accepted := make(chan net.Conn)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	for range 3 {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	first, second := <-accepted, <-accepted
	select {
	case <-accepted:
		t.Fatal("a third connection at a time")
	case <-time.After(20 * time.Millisecond):
	}
	_ = first.Close()
	_ = first.Close() // gives back one place only
	third := <-accepted
	if len(l.places) != 2 {
		t.Errorf("%d places taken, want 2", len(l.places))
	}
	_ = l.Close() // while Accept waits for a place
	<-ended
	_ = second.Close()
	_ = third.Close()
}

// FuzzHost looks for a name that belongs to somebody else's domain and is
// taken for this machine.
func FuzzHost(f *testing.F) {
	for _, s := range []string{"localhost", "127.0.0.1:80", "127.0.0.1:", "[::1]:8080", "::1%", "", ":", "[", "]", "a]:b", "::ffff:127.0.0.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if foreign := host + ".example.com"; isLocalName(foreign) || isLocalName(foreign+":8080") || isLocalName("["+foreign+"]") {
			t.Errorf("%q taken for a local name", foreign)
		}
	})
}
