package api

import (
	"bytes"
	"fmt"
	"net/http"
	"runtime/pprof"
	"strconv"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
	"github.com/google/pprof/profile"
)

// Bounds of a CPU profile.
const (
	minProfileSeconds     = 1
	maxProfileSeconds     = 30
	defaultProfileSeconds = 5
	maxProfileBytes       = 32 << 20
	maxOperatorName       = 256
)

// profileView is the answer of /api/v1/profile.
type profileView struct {
	Seconds float64 `json:"seconds"` // shorter than asked for when the job has ended
	TotalMs float64 `json:"total_ms"`
	Root    *flame  `json:"root"`
}

// profiler takes one CPU profile at a time: the runtime can do no more.
type profiler struct {
	// closing is closed when the server closes: what there is then is answered.
	closing <-chan struct{}
	place   chan struct{} // holds the one that is taken
}

func newProfiler(closing <-chan struct{}) *profiler {
	return &profiler{closing: closing, place: make(chan struct{}, 1)}
}

func (p *profiler) serve(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	seconds := defaultProfileSeconds
	if q.Has("seconds") {
		n, err := strconv.Atoi(q.Get("seconds"))
		if err != nil || n < minProfileSeconds || n > maxProfileSeconds {
			http.Error(w, fmt.Sprintf("seconds is a whole number from %d to %d", minProfileSeconds, maxProfileSeconds), http.StatusBadRequest)
			return
		}
		seconds = n
	}
	operator := q.Get("operator")
	if len(operator) > maxOperatorName {
		http.Error(w, "no operator has so long a name", http.StatusBadRequest)
		return
	}
	select {
	case p.place <- struct{}{}:
		defer func() { <-p.place }()
	default:
		busyProfiling(w, seconds)
		return
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Now().Add(time.Duration(seconds)*time.Second + writeTimeout))
	defer metric.BeginProfiling()()
	text := &bounded{most: maxProfileBytes}
	if err := pprof.StartCPUProfile(text); err != nil {
		busyProfiling(w, seconds) // by somebody else in this process
		return
	}
	began := time.Now()
	wait := time.NewTimer(time.Duration(seconds) * time.Second)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-p.closing:
	case <-r.Context().Done():
		pprof.StopCPUProfile()
		return
	}
	pprof.StopCPUProfile()
	took := time.Since(began).Seconds()
	taken, err := profile.ParseData(text.Bytes())
	if text.over || err != nil {
		http.Error(w, fmt.Sprintf("the profile could not be read (%d bytes, %v): ask for fewer seconds", text.Len(), err), http.StatusInternalServerError)
		return
	}
	root := flameOf(taken, operator)
	answer(w, http.StatusOK, profileView{Seconds: took, TotalMs: root.Millis, Root: root})
}

func busyProfiling(w http.ResponseWriter, seconds int) {
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	http.Error(w, "another CPU profile is being taken: try again when it is done", http.StatusConflict)
}

// bounded is a buffer that takes no more than so many bytes. What comes after
// them is dropped, and over is set.
type bounded struct {
	bytes.Buffer
	most int
	over bool
}

// Write implements io.Writer. It never fails: the profiler would not know what to
// do about it.
func (b *bounded) Write(p []byte) (int, error) {
	if b.over = b.over || len(p) > b.most-b.Len(); b.over {
		return len(p), nil
	}
	return b.Buffer.Write(p)
}
