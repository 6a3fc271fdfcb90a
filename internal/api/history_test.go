package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

func TestHistory(t *testing.T) {
	var h history
	h.add(after(0))
	if v := h.since(0); len(v.At) != 0 {
		t.Fatalf("%d points of one sample", len(v.At))
	}
	for s := 1; s <= 20; s++ {
		h.add(after(s))
	}
	v := h.since(0)
	if len(v.At) != 4 || v.At[0] != began.UnixMilli()+5000 || v.At[3] != began.UnixMilli()+20_000 {
		t.Fatalf("points at %v, want each 5 s", v.At)
	}
	for name, want := range map[string]float64{
		"throughput": 500, "lag": 7000, "watermark_delay_seconds": 4, "latency_p99_ms": 8, "pressure": 0.75,
		"in_flight_bytes": 5000, "heap_bytes": 32 << 20, "busiest": 0.99,
	} {
		if got := v.Series[name]; len(got) != 4 || got[3] < want*0.999 || got[3] > want*1.001 {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	if v := h.since(began.UnixMilli() + 15_000); len(v.At) != 1 || len(v.Series["lag"]) != 1 {
		t.Errorf("points after 15 s: %v", v.At)
	}
}

// TestHistoryIsBounded keeps the last hour.
func TestHistoryIsBounded(t *testing.T) {
	var h history
	for s := range 3*historyPoints + 1 {
		h.add(&metric.Job{At: began.Add(time.Duration(s) * historyInterval), InFlightBytes: int64(s)})
	}
	v := h.since(0)
	if len(v.At) != historyPoints || len(h.ring) != historyPoints || historyPoints != 720 {
		t.Fatalf("%d points, %d kept", len(v.At), len(h.ring))
	}
	for i, at := range v.At {
		if s := 2*historyPoints + 1 + i; at != began.UnixMilli()+int64(s)*5000 || v.Series["in_flight_bytes"][i] != float64(s) {
			t.Fatalf("point %d is at %d", i, at)
		}
	}
}

// TestHistoryOverARestart goes on, with nothing known of rates whose counters
// began anew.
func TestHistoryOverARestart(t *testing.T) {
	var h history
	h.add(after(100))
	again := after(1)
	again.At, again.Attempt = began.Add(105*time.Second), 2
	h.add(again)
	later := after(6)
	later.At, later.Attempt = began.Add(110*time.Second), 2
	later.Process, later.Latencies, later.Operators[0].Subtasks[0].Gauges = metric.Process{}, nil, nil
	h.add(later)
	text, err := json.Marshal(h.since(0))
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Series map[string][]*float64 `json:"series"`
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"throughput", "pressure", "busiest"} {
		if s := v.Series[name]; s[0] != nil || s[1] == nil || *s[1] < 0 {
			t.Errorf("%s over a restart: %s", name, text)
		}
	}
	for _, name := range []string{"lag", "heap_bytes", "latency_p99_ms"} {
		if s := v.Series[name]; s[0] == nil || s[1] != nil {
			t.Errorf("%s that is not known any more: %s", name, text)
		}
	}
}

func TestSince(t *testing.T) {
	h := routes(sampled(after), nil)
	for query, want := range map[string]int{"": 200, "?since=0": 200, "?since=-5": 200, "?since=": 400, "?since=now": 400, "?since=1e3": 400, "?since=99999999999999999999": 400} {
		if status, body := get(t, h, "/api/v1/history"+query); status != want {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
}

func FuzzQueries(f *testing.F) {
	o := Options{Sampler: sampledTo(after)}
	h := handlerOf(o)
	for _, s := range []string{"/api/v1/history?since=1", "/api/v1/operators/3", "/api/v1/operators/%2e%2e", "/api/v1/overview?x=%zz", "/api/v1/deadletters",
		"/api/v1/profile?seconds=0", "/api/v1/profile?seconds=31&operator=x", "/api/v1/checkpoints", "/..//index.html", "/api/v1/diagnosis", "/?token=x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
		u, err := r.URL.Parse(target)
		if err != nil || u.Path == streamPath {
			return
		}
		if q := u.Query(); u.Path == profilePath && !(q.Has("seconds") && len(q.Get("seconds")) > 2) {
			return // it would be taken
		}
		r.URL = u
		w := httptest.NewRecorder()
		guard(h, rules{loopback: true, mayAsk: true}).ServeHTTP(w, r)
		switch w.Code {
		case 200, 301, 307, 308, 400, 403, 404, 405:
		default:
			t.Errorf("%q: %d %s", target, w.Code, w.Body)
		}
		if kind := w.Header().Get("Content-Type"); w.Code == 200 && kind == "application/json" && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%q: %s", target, w.Body)
		}
	})
}
