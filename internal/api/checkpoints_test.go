package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/affluxdev/afflux/internal/checkpoint"
)

// taking is a job that takes checkpoints as it is told.
type taking struct {
	asked []string
	err   error
	wait  time.Duration
}

func (j *taking) History() []checkpoint.Record {
	return []checkpoint.Record{
		{ID: 12, Kind: checkpoint.Checkpoint, Phase: "collecting", Began: time.Now().Add(-time.Second), Expected: 3},
		{ID: 11, Kind: checkpoint.Savepoint, Phase: "aborted", Reason: "count/1: disk full", Began: began, Ended: began.Add(time.Second), Expected: 3},
		{ID: 10, Kind: checkpoint.Checkpoint, Phase: "complete", Began: began, Ended: began.Add(250 * time.Millisecond), Expected: 2, Bytes: 100, InFlight: 30,
			Subtasks: []checkpoint.SubtaskRecord{
				{Subtask: checkpoint.Subtask{Task: "count", Index: 1}, Acknowledged: 200 * time.Millisecond, Metrics: checkpoint.Metrics{StartDelay: 5, Alignment: 6, Sync: 7, Async: 8, Bytes: 70, InFlight: 30}},
				{Subtask: checkpoint.Subtask{Task: "count"}, Acknowledged: 240 * time.Millisecond, Metrics: checkpoint.Metrics{StartDelay: 50, Alignment: 1, Sync: 2, Async: 3, Bytes: 30}},
			}},
	}
}

func (j *taking) Take(ctx context.Context, kind checkpoint.Kind, stop bool) (int64, string, error) {
	what := kind.String()
	if stop {
		what += " and stop"
	}
	j.asked = append(j.asked, what)
	select {
	case <-time.After(j.wait):
	case <-ctx.Done():
		return 0, "", ctx.Err()
	}
	return 13, "/data/" + checkpoint.DirectoryName(kind, 13), j.err
}

func TestCheckpointHistory(t *testing.T) {
	status, body := get(t, routes(sampled(after), &taking{}), "/api/v1/checkpoints")
	var v checkpointsView
	if err := json.Unmarshal([]byte(body), &v); status != 200 || err != nil {
		t.Fatal(status, err)
	}
	if v.Totals.Completed != 30 || v.Totals.Last.ID != 31 {
		t.Errorf("totals %+v", v.Totals)
	}
	if len(v.History) != 3 {
		t.Fatalf("%d checkpoints", len(v.History))
	}
	if r := v.History[0]; r.State != "in_progress" || r.Ended != nil || r.Duration < time.Second {
		t.Errorf("%+v", r)
	}
	if r := v.History[1]; r.State != "failed" || r.Kind != "savepoint" || r.Reason != "count/1: disk full" || r.Duration != time.Second {
		t.Errorf("%+v", r)
	}
	r := v.History[2]
	if r.State != "complete" || r.Duration != 250*time.Millisecond || r.StartDelay != 50 || r.Alignment != 6 || r.Sync != 7 || r.Async != 8 || r.Bytes != 100 || r.InFlight != 30 {
		t.Errorf("%+v", r)
	}
	if p := r.Subtasks[0]; p.Task != "count" || p.Subtask != 1 || p.Acknowledged != 200*time.Millisecond || p.Alignment != 6 || p.InFlight != 30 {
		t.Errorf("%+v", p)
	}
}

// TestTakingOne asks as programs, people and pages of other origins do.
func TestTakingOne(t *testing.T) {
	const ours = "Content-Type: application/json"
	for _, c := range []struct {
		method, path string
		headers      []string
		token        string
		want         int
		asked        string
	}{
		{"POST", "/api/v1/checkpoints", []string{ours}, "", 200, "checkpoint"},
		{"POST", "/api/v1/savepoints", []string{"Content-Type: application/json; charset=utf-8"}, "", 200, "savepoint"},
		{"POST", "/api/v1/savepoints?stop=true", []string{ours}, "", 200, "savepoint and stop"},
		{"POST", "/api/v1/savepoints?stop=0", []string{ours}, "", 200, "savepoint"},
		{"POST", "/api/v1/savepoints?stop=yes", []string{ours}, "", 400, ""},
		{"POST", "/api/v1/savepoints", nil, "", 415, ""},
		{"POST", "/api/v1/savepoints", []string{"Content-Type: text/plain"}, "", 415, ""},
		{"POST", "/api/v1/savepoints", []string{ours, "Origin: https://evil.example"}, "", 403, ""},
		{"POST", "/api/v1/savepoints", []string{ours, "Origin: null"}, "", 403, ""},
		{"POST", "/api/v1/savepoints", []string{ours, "Origin: http://localhost:8081"}, "", 403, ""},
		{"POST", "/api/v1/savepoints", []string{ours, "Origin: http://localhost:8080"}, "", 200, "savepoint"},
		{"POST", "/api/v1/savepoints", []string{ours, "Sec-Fetch-Site: cross-site"}, "", 403, ""},
		{"POST", "/api/v1/savepoints", []string{ours, "Sec-Fetch-Site: same-site"}, "", 403, ""},
		{"POST", "/api/v1/savepoints", []string{ours, "Host: evil.example"}, "", 403, ""},
		{"POST", "/api/v1/savepoints", []string{ours}, "s3cret", 401, ""},
		{"POST", "/api/v1/savepoints", []string{ours, "Authorization: Bearer s3cret"}, "s3cret", 200, "savepoint"},
		{"POST", "/api/v1/savepoints", []string{"Authorization: Bearer s3cret"}, "s3cret", 415, ""},
		{"POST", "/api/v1/job", []string{ours}, "", 405, ""},
		{"POST", "/metrics", []string{ours}, "", 405, ""},
		{"PUT", "/api/v1/savepoints", []string{ours}, "", 405, ""},
		{"DELETE", "/api/v1/checkpoints", []string{ours}, "", 405, ""},
		{"OPTIONS", "/api/v1/savepoints", []string{"Origin: https://evil.example"}, "", 405, ""},
		{"GET", "/api/v1/savepoints", nil, "", 405, ""},
	} {
		job := &taking{}
		r := httptest.NewRequest(c.method, "http://localhost:8080"+c.path, nil)
		for _, h := range c.headers {
			name, value, _ := strings.Cut(h, ": ")
			if r.Header.Set(name, value); name == "Host" {
				r.Host = value
			}
		}
		w := httptest.NewRecorder()
		guard(routes(sampled(after), job), rules{session: session{token: c.token}, loopback: true, mayAsk: true}).ServeHTTP(w, r)
		if asked := strings.Join(job.asked, ", "); w.Code != c.want || asked != c.asked {
			t.Errorf("%s %s %q: %d, asked %q; want %d, %q\n%s", c.method, c.path, c.headers, w.Code, asked, c.want, c.asked, w.Body)
		}
		if w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("headers %v", w.Header())
		}
		if c.want == 200 {
			var v takenView
			if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || v.ID != 13 || !strings.HasSuffix(v.Path, v.Kind+"-0000000013") || v.Stopped != strings.HasSuffix(c.asked, "stop") {
				t.Errorf("%v: %s", err, w.Body)
			}
		}
	}
}

func TestNoneIsTaken(t *testing.T) {
	post := func(job Checkpoints) (int, string) {
		r := httptest.NewRequest(http.MethodPost, "http://localhost/api/v1/checkpoints", nil)
		w := httptest.NewRecorder()
		routes(sampled(after), job).ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	if code, body := post(&taking{err: errors.New("count/1: disk full")}); code != 409 || !strings.Contains(body, "disk full") {
		t.Error(code, body)
	}
	if code, body := post(nil); code != 404 || !strings.Contains(body, "takes no checkpoints") {
		t.Error(code, body)
	}
	synctest.Test(t, func(t *testing.T) { // a job that never answers
		if code, body := post(&taking{wait: 2 * takeTimeout}); code != 409 {
			t.Error(code, body)
		}
	})
}

// TestSlowCheckpoint takes longer than any other answer may.
func TestSlowCheckpoint(t *testing.T) {
	s := httptest.NewUnstartedServer(guard(routes(sampled(after), &taking{wait: 100 * time.Millisecond}), rules{loopback: true, mayAsk: true}))
	s.Config.ReadTimeout, s.Config.WriteTimeout = 20*time.Millisecond, 20*time.Millisecond
	s.Start()
	defer s.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/api/v1/savepoints", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var v takenView
	if err := json.NewDecoder(answer.Body).Decode(&v); err != nil || answer.StatusCode != http.StatusOK || v.ID != 13 {
		t.Errorf("%d %+v %v", answer.StatusCode, v, err)
	}
}
