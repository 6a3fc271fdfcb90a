package check

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// find looks for a program of Prometheus. Where it is missing the test is
// skipped, and fails if the environment variable CI is set.
func find(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	switch {
	case err == nil:
		return path
	case os.Getenv("CI") == "":
		t.Skipf("NOT TESTED: %v; install Prometheus, on Debian with: apt-get install --no-install-recommends prometheus", err)
	default:
		t.Fatalf("%v; install Prometheus", err)
	}
	return ""
}

// server is a running Prometheus.
type server struct {
	url string
}

// startPrometheus runs Prometheus on a free port of loopback with that
// configuration until the test ends.
func startPrometheus(t *testing.T, config string) *server {
	t.Helper()
	program := find(t, "prometheus")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	// A test that takes too long ends without its clean-ups: the process must not
	// outlive it.
	ctx, stop := context.WithCancel(context.Background())
	if deadline, ok := t.Deadline(); ok {
		ctx, stop = context.WithDeadline(context.Background(), deadline.Add(-2*time.Second))
	}
	cmd := exec.CommandContext(ctx, program, "--config.file="+config, "--storage.tsdb.path="+t.TempDir(),
		"--web.listen-address="+address, "--query.lookback-delta=10s", "--log.level=warn")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second // then it is killed
	log := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it is always stopped by a signal
	}()
	t.Cleanup(func() {
		stop()
		<-ended
		if t.Failed() {
			t.Logf("Prometheus has logged:\n%s", log)
		}
	})
	s := &server{url: "http://" + address}
	until(t, 20*time.Second, "Prometheus is ready", func() error {
		select {
		case <-ended:
			t.Fatalf("Prometheus has ended:\n%s", log)
		default:
		}
		response, err := http.Get(s.url + "/-/ready")
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusOK {
			return errors.New(response.Status)
		}
		return nil
	})
	return s
}

// lockedBuffer is a buffer for the output of a process that runs.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// until asks again and again until f has no error.
func until(t *testing.T, patience time.Duration, what string, f func() error) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("after %v it is still not so that %s: %v", patience, what, err)
		case <-tick.C:
		}
	}
}

// answer is what Prometheus says to a request of its API.
type answer struct {
	Status   string          `json:"status"`
	Data     json.RawMessage `json:"data"`
	Error    string          `json:"error"`
	Warnings []string        `json:"warnings"`
}

// ask sends a request of the API of Prometheus.
func (s *server) ask(path string, parameters url.Values, data any) error {
	response, err := http.Get(s.url + "/api/v1/" + path + "?" + parameters.Encode())
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<20))
	if err != nil {
		return err
	}
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return fmt.Errorf("%s: %s: %w", path, response.Status, err)
	}
	if a.Status != "success" || len(a.Warnings) > 0 {
		return fmt.Errorf("%s: %s %v", path, a.Error, a.Warnings)
	}
	return json.Unmarshal(a.Data, data)
}

// series is one element of the answer to a query.
type series struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"`
}

// query evaluates an expression now.
func (s *server) query(expr string) ([]series, error) {
	var data struct {
		Type   string          `json:"resultType"`
		Result json.RawMessage `json:"result"`
	}
	if err := s.ask("query", url.Values{"query": {expr}}, &data); err != nil {
		return nil, err
	}
	if data.Type != "vector" {
		return nil, fmt.Errorf("%s gives a %s, not a vector", expr, data.Type)
	}
	var out []series
	err := json.Unmarshal(data.Result, &out)
	return out, err
}

// alert is one that is pending or firing.
type alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	State       string            `json:"state"`
	Value       string            `json:"value"`
}

// alerts are those that are pending or firing now.
func (s *server) alerts() ([]alert, error) {
	var data struct {
		Alerts []alert `json:"alerts"`
	}
	err := s.ask("alerts", nil, &data)
	return data.Alerts, err
}
