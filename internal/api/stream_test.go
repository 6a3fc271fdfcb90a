package api

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

// following is a job that advances by a second with each sample, and its server.
type following struct {
	*Server
	sampler *metric.Sampler
	second  atomic.Int64
	state   atomic.Value
	client  *http.Client
}

func follow(t *testing.T, o Options) *following {
	t.Helper()
	f := &following{}
	f.state.Store("running")
	f.sampler = metric.NewSampler(func() *metric.Job {
		j := after(int(f.second.Add(1)))
		j.State = f.state.Load().(string)
		return j
	})
	f.sampler.Sample()
	o.Listen, o.Sampler = "127.0.0.1:0", f.sampler
	f.Server = serve(t, o)
	transport := &http.Transport{}
	f.client = &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)
	return f
}

// stream is one subscriber.
type stream struct {
	*http.Response
	lines *bufio.Scanner
}

func (f *following) stream(t *testing.T, headers ...string) *stream {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL()+streamPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	return subscribe(t, f.client, r)
}

// subscribe asks for a stream, which ends with the test.
func subscribe(t *testing.T, client *http.Client, r *http.Request) *stream {
	t.Helper()
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	return &stream{answer, lines}
}

// streamOf is a subscriber of the job at a URL.
func streamOf(t *testing.T, client *http.Client, url string) *stream {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+streamPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	return subscribe(t, client, r)
}

// next reads an event; ok is false at the end.
func (s *stream) next(t *testing.T) (v overviewView, id string, ok bool) {
	t.Helper()
	name := ""
	for s.lines.Scan() {
		field, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch field {
		case "event":
			name = value
		case "id":
			id = value
		case "data":
			if err := json.Unmarshal([]byte(value), &v); err != nil || name != "overview" {
				t.Fatalf("event %q: %v", name, err)
			}
			return v, id, true
		}
	}
	return v, "", false
}

// subscribed waits until there are so many subscribers.
func subscribed(t *testing.T, f *feed, n int) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		f.mu.Lock()
		have := len(f.subscribers)
		f.mu.Unlock()
		if have == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d subscribers, want %d", have, n)
		}
		<-time.After(time.Millisecond)
	}
}

func TestStream(t *testing.T) {
	f := follow(t, Options{})
	s := f.stream(t)
	if s.StatusCode != http.StatusOK || s.Header.Get("Content-Type") != "text/event-stream" || s.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", s.StatusCode, s.Header)
	}
	for want := 1; want <= 4; want++ { // the first one at once
		v, id, ok := s.next(t)
		if !ok || v.At != began.Add(time.Duration(want)*time.Second) || v.Job.State != "running" || id != "" {
			t.Fatalf("event %d: %v %q, at %v", want, ok, id, v.At)
		}
		f.sampler.Sample()
	}
	f.state.Store("finished")
	f.sampler.Sample()
	for { // the last event has the final state, whatever was skipped
		v, id, ok := s.next(t)
		if !ok {
			t.Fatal("ended without the final state")
		}
		if v.Job.State == "finished" {
			if id != finalID {
				t.Errorf("the last event has the ID %q", id)
			}
			break
		}
	}
	if _, _, more := s.next(t); more {
		t.Error("an event after the last one")
	}
	// Who comes for the first time is told once; who knows is sent away.
	if v, _, ok := f.stream(t).next(t); !ok || v.Job.State != "finished" {
		t.Error("nothing for who comes late")
	}
	if again := f.stream(t, "Last-Event-ID: "+finalID); again.StatusCode != http.StatusNoContent {
		t.Errorf("%d for who knows that the job has ended", again.StatusCode)
	}
}

// TestStreamEndsWithTheServer gets a last event when the server closes.
func TestStreamEndsWithTheServer(t *testing.T) {
	f := follow(t, Options{})
	s := f.stream(t)
	if _, _, ok := s.next(t); !ok {
		t.Fatal("no event")
	}
	f.state.Store("failed")
	f.sampler.Sample()
	closing := make(chan error)
	go func() { closing <- f.Close() }()
	last := ""
	for {
		v, _, ok := s.next(t)
		if !ok {
			break
		}
		last = v.Job.State
	}
	if err := <-closing; err != nil || last != "failed" {
		t.Errorf("the last event says %q; %v", last, err)
	}
}

func TestStreamsAreBounded(t *testing.T) {
	f := follow(t, Options{})
	var open []*stream
	for range maxSubscribers {
		s := f.stream(t)
		if _, _, ok := s.next(t); !ok {
			t.Fatal("no event")
		}
		open = append(open, s)
	}
	full := f.stream(t)
	text, _ := io.ReadAll(full.Body)
	if full.StatusCode != http.StatusServiceUnavailable || full.Header.Get("Retry-After") == "" || !strings.Contains(string(text), "close one") {
		t.Errorf("one too many: %d %v %s", full.StatusCode, full.Header, text)
	}
	_ = open[0].Body.Close()
	deadline := time.Now().Add(10 * time.Second)
	for s := f.stream(t); s.StatusCode != http.StatusOK; s = f.stream(t) {
		if time.Now().After(deadline) {
			t.Fatal("no place although one has left")
		}
	}
}

// TestSlowSubscriber holds up nobody: it has one slot with the latest.
func TestSlowSubscriber(t *testing.T) {
	second := 0
	sampler := metric.NewSampler(func() *metric.Job { second++; return after(second) })
	f := newFeed(Options{Sampler: sampler})
	sampler.Sample()
	s, ok := f.subscribe()
	if !ok {
		t.Fatal("no place")
	}
	for range 100 {
		sampler.Sample()
		f.send(false)
	}
	e := <-s.slot
	var v overviewView
	if err := json.Unmarshal(e.text, &v); err != nil || v.At != began.Add(101*time.Second) || len(s.slot) != 0 {
		t.Errorf("got the overview of %v, %v", v.At, err)
	}
	f.unsubscribe(s)
	if f.followed() {
		t.Error("still followed")
	}
}

// TestNothingIsEncodedForNobody examines and writes a sample once for all, and
// not at all while nobody follows.
func TestNothingIsEncodedForNobody(t *testing.T) {
	sampler := sampledTo(after)
	f := newFeed(Options{Sampler: sampler})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	f.seeing.Lock() // look would wait for it
	go func() { f.run(ctx); close(done) }()
	for range 10 {
		changed := sampler.Changed()
		sampler.Sample()
		<-changed
	}
	f.seeing.Unlock()
	if f.seen.job != nil {
		t.Error("a sample was examined for nobody")
	}
	a, b := f.look(), f.look()
	if a.job == nil || &a.text[0] != &b.text[0] {
		t.Error("the same sample was written twice")
	}
	cancel()
	<-done
}

// TestStreamOutlivesDeadlines goes on for longer than any answer of the server
// may take.
func TestStreamOutlivesDeadlines(t *testing.T) {
	sampler := sampledTo(after)
	o := Options{Sampler: sampler}
	f := newFeed(o)
	h, err := handler(o, f, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(guard(h, rules{loopback: true}))
	s.Config.ReadTimeout, s.Config.WriteTimeout = 20*time.Millisecond, 20*time.Millisecond
	s.Start()
	defer s.Close()
	str := streamOf(t, s.Client(), s.URL)
	for range 4 {
		if _, _, ok := str.next(t); !ok {
			t.Fatal("ended early")
		}
		<-time.After(30 * time.Millisecond)
		f.send(false)
	}
	f.send(true)
	for ok := true; ok; {
		_, _, ok = str.next(t)
	}
}

// TestStuckSubscriber is dropped: it does not read what it is sent.
func TestStuckSubscriber(t *testing.T) {
	sampler := sampledTo(wide(200, 1))
	o := Options{Sampler: sampler}
	f := newFeed(o)
	ended := make(chan struct{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		f.serveStream(impatient{w}, r)
	})}
	go func() { _ = s.Serve(l) }()
	defer func() { _ = s.Close() }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, "GET "+streamPath+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	subscribed(t, f, 1)
	for deadline := time.After(30 * time.Second); ; {
		f.send(false)
		select {
		case <-ended:
			subscribed(t, f, 0)
			return
		case <-deadline:
			t.Fatal("still there")
		case <-time.After(time.Millisecond):
		}
	}
}

// impatient shortens the time that an event may take.
type impatient struct{ http.ResponseWriter }

func (i impatient) Unwrap() http.ResponseWriter { return i.ResponseWriter }

func (i impatient) SetWriteDeadline(t time.Time) error {
	if t.IsZero() {
		return http.NewResponseController(i.ResponseWriter).SetWriteDeadline(t)
	}
	return http.NewResponseController(i.ResponseWriter).SetWriteDeadline(t.Add(100*time.Millisecond - eventTimeout))
}

// TestStreamWaitsForEvents stays open with HTTP/2, whose deadlines end what waits as
// well, when there is no event for longer than one may take.
func TestStreamWaitsForEvents(t *testing.T) {
	f := newFeed(Options{Sampler: sampledTo(after)})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.serveStream(impatient{w}, r) }))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	str := streamOf(t, s.Client(), s.URL)
	for n := range 2 {
		if _, _, ok := str.next(t); !ok || str.ProtoMajor != 2 {
			t.Fatalf("ended before event %d, by %s", n, str.Proto)
		}
		<-time.After(250 * time.Millisecond)
		f.send(false)
	}
	f.send(true)
	for ok := true; ok; {
		_, _, ok = str.next(t)
	}
}

func TestHeadOfAStream(t *testing.T) {
	f := follow(t, Options{})
	answer, err := f.client.Head(f.URL() + streamPath)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Error(answer.Status)
	}
}
