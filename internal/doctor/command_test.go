package doctor

import (
	"bytes"
	"context"
	"encoding/json/v2"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/affluxdev/afflux/internal/diagnosis"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; look at the difference, then run with -update\ngot:\n%s\nwant:\n%s", name, got, want)
	}
}

var sick = Report{Seconds: 60, Findings: []Finding{
	{Operator: "clicks", Subtask: -1, Cause: "retention", Words: "data will be deleted before it is read", Severity: diagnosis.Critical,
		Evidence: "unread records of clicks/3 are deleted in about 40 min; the oldest is 23 h old, and they are kept for 24 h; lag of clicks is 1.2M and grows by 800/s",
		Remedy:   "raise the retention of the input now (Kafka: retention.ms and retention.bytes of the topic), then remove what limits the job",
		Avoid:    "restarting the job, or skipping to the end of the input: both lose time or records"},
	{Operator: "count", Subtask: 2, Cause: "skew", Severity: diagnosis.Warning,
		Evidence: "subtask 2 works 98 % of the time, the 7 others 4 %; key \"\x1b[31munknown\" has 83 % of the records",
		Remedy:   "divide the hot key: Salted(8) before the Aggregate", Avoid: "more parallelism: all records of a key go to one subtask"},
	{Operator: "", Subtask: -1, Cause: "gc", Words: "collecting garbage", Severity: diagnosis.Note, Evidence: "the collector takes 31 %", Remedy: "raise GOGC"},
}}

func TestText(t *testing.T) {
	golden(t, "sick-80.txt", sick.Text(80, false))
	golden(t, "sick-30.txt", sick.Text(30, false))
	golden(t, "sick-colour.txt", sick.Text(200, true))
	noted := Report{Healthy: true, Seconds: 60, Findings: sick.Findings[2:]}
	well := Report{Healthy: true, Seconds: 60}
	young := Report{Healthy: true, Seconds: 2}
	golden(t, "well.txt", noted.Text(80, false)+"\n"+well.Text(80, false)+"\n"+young.Text(80, false))
	for width := 10; width < 120; width++ {
		for _, l := range strings.Split(sick.Text(width, false), "\n") {
			if n := len([]rune(l)); n > max(width, narrowest) {
				t.Fatalf("a line of %d at %d: %q", n, width, l)
			}
		}
	}
	if strings.Contains(sick.Text(80, false), "\x1b") {
		t.Error("control characters of the job reach the terminal")
	}
}

// served answers with one report after another, the last one again and again.
// A nil report is the answer of a job that has not started.
type served struct {
	reports []*Report
	asked   atomic.Int64
	token   string
	done    chan struct{} // if set, closed when each has been seen, the last one again
}

func (s *served) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := int(s.asked.Add(1))
	if s.done != nil && n == len(s.reports)+2 {
		close(s.done)
	}
	switch {
	case r.URL.Path != "/api/v1/diagnosis":
		http.NotFound(w, r)
		return
	case s.token != "" && r.Header.Get("Authorization") != "Bearer "+s.token:
		http.Error(w, "send the token", http.StatusUnauthorized)
		return
	}
	report := s.reports[min(n, len(s.reports))-1]
	if report == nil {
		http.Error(w, "the job has not started yet", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.MarshalWrite(w, report)
}

// doctor runs the command and returns its exit code.
func doctor(ctx context.Context, out *syncBuffer, args ...string) (code int, said string) {
	cmd := Command("afflux", "127.0.0.1:1", "AFFLUX_TEST_TOKEN")
	cmd.SetArgs(args)
	cmd.SetOut(out)
	err := cmd.ExecuteContext(ctx)
	var e *ExitError
	switch {
	case err == nil:
		return ExitHealthy, ""
	case errors.As(err, &e):
		return e.Code, e.Error()
	}
	return ExitUsage, err.Error()
}

// syncBuffer may be read while the command writes.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestCommand(t *testing.T) {
	well := &Report{Healthy: true, Seconds: 9, Findings: []Finding{}}
	young := &Report{Healthy: true, Seconds: 1, Findings: []Finding{}}
	for _, c := range []struct {
		name    string
		reports []*Report
		args    []string
		code    int
		says    string // on standard output, or else as the error
	}{
		{"well", []*Report{well}, nil, ExitHealthy, "healthy: nothing"},
		{"sick", []*Report{&sick}, nil, ExitFindings, "not healthy: 2 findings and 1 note"},
		{"sick as JSON", []*Report{&sick}, []string{"--json"}, ExitFindings, `"healthy": false`},
		{"only just started", []*Report{nil, young, &sick}, nil, ExitFindings, "critical: clicks"},
		{"wrong interval", []*Report{well}, []string{"--every", "1ms"}, ExitUsage, "at least 100ms"},
		{"unknown flag", []*Report{well}, []string{"--loud"}, ExitUsage, "unknown flag"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(&served{reports: c.reports})
			defer server.Close()
			out := &syncBuffer{}
			code, said := doctor(t.Context(), out, append(c.args, server.URL)...)
			if code != c.code || !strings.Contains(out.String()+said, c.says) {
				t.Errorf("code %d, want %d with %q:\n%s%s", code, c.code, c.says, out, said)
			}
			if code == ExitUsage && out.String() != "" {
				t.Errorf("printed %q", out)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	server := httptest.NewServer(&served{reports: []*Report{&sick}})
	defer server.Close()
	out := &syncBuffer{}
	doctor(t.Context(), out, "--json", server.URL)
	var got Report
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatal(err)
	}
	if got.Healthy || len(got.Findings) != 3 || got.Findings[1] != sick.Findings[1] {
		t.Errorf("%+v", got)
	}
}

func TestNoAnswer(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"hello":1}`)) }))
	defer other.Close()
	secret := httptest.NewServer(&served{reports: []*Report{&sick}, token: "s3cret"})
	defer secret.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, c := range []struct {
		address, says string
		code          int
	}{
		{gone.URL, "no job answers", ExitNoAnswer},
		{other.URL, "no job of Afflux", ExitNoAnswer},
		{secret.URL, "send the token", ExitNoAnswer},
		{"ftp://x", "http://127.0.0.1:8080", ExitUsage},
		{"http://", "http://127.0.0.1:8080", ExitUsage},
	} {
		out := &syncBuffer{}
		if code, said := doctor(t.Context(), out, c.address); code != c.code || !strings.Contains(said, c.says) || out.String() != "" {
			t.Errorf("%s: code %d, want %d with %q: %s%s", c.address, code, c.code, c.says, out, said)
		}
	}
	t.Setenv("AFFLUX_TEST_TOKEN", "s3cret")
	if code, said := doctor(t.Context(), &syncBuffer{}, secret.URL); code != ExitFindings {
		t.Errorf("with the token: code %d: %s", code, said)
	}
}

// TestWatch shows findings when they change, and ends with what was true at last.
func TestWatch(t *testing.T) {
	well := &Report{Healthy: true, Seconds: 9, Findings: []Finding{}}
	worse := sick
	worse.Seconds++
	worse.Findings = append([]Finding{}, sick.Findings...)
	worse.Findings[0].Evidence = "other numbers"
	s := &served{reports: []*Report{well, well, &sick, &worse, &worse, well}, done: make(chan struct{})}
	server := httptest.NewServer(s)
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &syncBuffer{}
	type end struct {
		code int
		said string
	}
	ended := make(chan end, 1)
	go func() {
		code, said := doctor(ctx, out, "--watch", "--every", "100ms", server.URL)
		ended <- end{code, said}
	}()
	select {
	case <-s.done:
	case <-time.After(20 * time.Second):
		t.Error("not asked often enough")
	}
	cancel()
	if e := <-ended; e.code != ExitHealthy {
		t.Errorf("code %d: %s", e.code, e.said)
	}
	text := out.String()
	if n := strings.Count(text, "healthy: nothing"); n != 2 {
		t.Errorf("told %d times that all is well, want 2:\n%s", n, text)
	}
	if n := strings.Count(text, "not healthy"); n != 1 {
		t.Errorf("told %d times that it is not, want once:\n%s", n, text)
	}
}

// TestNarrowScreen keeps lines within the width, with the time ahead of the first
// one: a line that the terminal wraps would not be cleared.
func TestNarrowScreen(t *testing.T) {
	var out bytes.Buffer
	s := &screen{out: &out, watch: true, live: true, width: 35, height: 40}
	r := sick
	r.At = time.Unix(1_700_000_000, 0)
	if err := s.show(r); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), r.At.Local().Format("15:04:05")+" not healthy") {
		t.Errorf("%q", out.String())
	}
	for _, l := range strings.Split(out.String(), "\n") {
		if n := len([]rune(l)); n > s.width {
			t.Errorf("a line of %d: %q", n, l)
		}
	}
}

func TestLiveScreen(t *testing.T) {
	var out bytes.Buffer
	s := &screen{out: &out, watch: true, live: true, width: 80, height: 40}
	well := Report{Healthy: true, Seconds: 9}
	for range 2 {
		if err := s.change(well, well); err != nil {
			t.Fatal(err)
		}
	}
	if want := "healthy: nothing holds the job up\n\x1b[1A\r\x1b[Jhealthy: nothing holds the job up\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	s.height = 1
	out.Reset()
	if err := s.show(well); err != nil || !strings.HasPrefix(out.String(), "\x1b[H\x1b[2J") {
		t.Errorf("%v: %q", err, out.String())
	}
}
