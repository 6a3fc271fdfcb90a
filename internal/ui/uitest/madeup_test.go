package uitest

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/affluxdev/afflux/internal/ui"
)

// policy is the strictest one that the page must work under.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

type object = map[string]any

// madeUp is a server with the paths of a job's, whose answers a test makes up.
type madeUp struct {
	*httptest.Server
	overview atomic.Pointer[func(tick int) object]
	detail   func(id int) object
	profile  object
	began    time.Time
	tick     atomic.Int64
	interval time.Duration

	streams   atomic.Int64 // open ones
	overviews atomic.Bool  // answers single questions for the overview too

	mu      sync.Mutex
	refuse  bool
	closing chan struct{}
}

func (m *madeUp) show(f func(tick int) object) { m.overview.Store(&f) }

// newMadeUp starts a server; its stream has an event each interval.
func newMadeUp(t testing.TB, interval time.Duration, f func(tick int) object) *madeUp {
	m := &madeUp{began: time.Now().Add(-90 * time.Minute), interval: interval, closing: make(chan struct{})}
	m.show(f)
	mux := http.NewServeMux()
	files := http.FileServerFS(ui.Files())
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		files.ServeHTTP(w, r)
	})
	mux.HandleFunc("GET /api/v1/stream", m.stream)
	mux.HandleFunc("GET /api/v1/overview", func(w http.ResponseWriter, r *http.Request) {
		if !m.overviews.Load() {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		answer(w, m.next())
	})
	mux.HandleFunc("GET /api/v1/history", func(w http.ResponseWriter, r *http.Request) { answer(w, m.history(time.Now())) })
	mux.HandleFunc("GET /api/v1/diagnosis", func(w http.ResponseWriter, r *http.Request) { answer(w, m.next()["health"]) })
	mux.HandleFunc("GET /api/v1/checkpoints", func(w http.ResponseWriter, r *http.Request) { answer(w, checkpoints(time.Now())) })
	mux.HandleFunc("GET /api/v1/deadletters", func(w http.ResponseWriter, r *http.Request) { answer(w, deadLetters(time.Now())) })
	mux.HandleFunc("GET /api/v1/operators/{id}", func(w http.ResponseWriter, r *http.Request) {
		var id int
		if _, err := fmt.Sscan(r.PathValue("id"), &id); err != nil || m.detail == nil {
			http.Error(w, "no such operator", http.StatusNotFound)
			return
		}
		answer(w, m.detail(id))
	})
	mux.HandleFunc("GET /api/v1/profile", func(w http.ResponseWriter, r *http.Request) { answer(w, m.profile) })
	m.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		close(m.closing)
		m.CloseClientConnections()
		m.Close()
	})
	return m
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (m *madeUp) next() object {
	f := *m.overview.Load()
	o := f(int(m.tick.Add(1)))
	o["at"] = time.Now().Format(time.RFC3339Nano)
	job := o["job"].(object)
	job["started"] = m.began.Format(time.RFC3339Nano)
	job["uptime_seconds"] = time.Since(m.began).Seconds()
	return o
}

// cut closes all streams; with refuse, new ones are refused.
func (m *madeUp) cut(refuse bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuse = refuse
	close(m.closing)
	m.closing = make(chan struct{})
}

func (m *madeUp) stream(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	closing, refuse := m.closing, m.refuse
	m.mu.Unlock()
	if refuse {
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	m.streams.Add(1)
	defer m.streams.Add(-1)
	w.Header().Set("Content-Type", "text/event-stream")
	every := time.NewTicker(m.interval)
	defer every.Stop()
	for {
		text, err := json.Marshal(m.next())
		if err != nil {
			panic(err)
		}
		if _, err := fmt.Fprintf(w, "event: overview\ndata: %s\n\n", text); err != nil {
			return
		}
		w.(http.Flusher).Flush()
		select {
		case <-every.C:
		case <-closing:
			return
		case <-r.Context().Done():
			return
		}
	}
}

func (m *madeUp) history(now time.Time) object {
	const points = 719
	var at []int64
	series := map[string][]any{}
	for i := range points {
		x := float64(i) / points
		at = append(at, now.Add(time.Duration(i-points)*5*time.Second).UnixMilli())
		spike := math.Exp(-math.Pow((x-0.62)*18, 2))
		wave := 0.04*math.Sin(x*61) + 0.03*math.Sin(x*173)
		add := func(name string, v any) { series[name] = append(series[name], v) }
		add("throughput", 118e3*(1+wave-0.55*spike))
		add("lag", 1200+4e5*spike*(1+wave))
		add("pressure", math.Min(1, 0.02+0.9*spike))
		add("watermark_delay_seconds", 4.1+11*spike+wave)
		if i < 60 {
			add("latency_p99_ms", nil)
		} else {
			add("latency_p99_ms", 2.4+95*spike+wave)
		}
		add("in_flight_bytes", 0.6e6+6.2e6*spike)
		add("heap_bytes", 58e6+22e6*math.Mod(x*37, 1)+12e6*spike)
		add("busiest", 0.7)
	}
	return object{"interval_seconds": 5, "at": at, "series": series}
}
