package api

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

// The history of a job: one hour, in memory of a fixed size.
const (
	historyInterval = 5 * time.Second
	historyPoints   = int(time.Hour / historyInterval)
)

// seriesNames are what is kept, in the order of the values of a point.
var seriesNames = [...]string{"throughput", "lag", "watermark_delay_seconds", "latency_p99_ms", "pressure", "in_flight_bytes", "heap_bytes", "busiest"}

// point is one instant; what is unknown is NaN.
type point struct {
	at     int64 // ms since 1970
	values [len(seriesNames)]float64
}

// history keeps the last points of a job, restarts included. The zero value is
// empty. It is safe for concurrent use.
type history struct {
	mu   sync.Mutex
	ring []point // of historyPoints at most
	next int     // where the next one goes once the ring is full
	// last is the sample of the last point, or the first one.
	last *metric.Job
}

// add keeps a point if it is time for one. A sample has the rates since the
// sample of the last point; the first one has none and is only remembered.
func (h *history) add(job *metric.Job) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last == nil {
		h.last = job
		return
	}
	// Samples do not come to the millisecond.
	if job.At.Sub(h.last.At) < historyInterval-metric.SampleInterval/2 {
		return
	}
	p := pointOf(h.last, job)
	h.last = job
	if len(h.ring) < historyPoints {
		h.ring = append(h.ring, p)
		return
	}
	h.ring[h.next] = p
	h.next = (h.next + 1) % historyPoints
}

func pointOf(before, now *metric.Job) point {
	p := point{at: now.At.UnixMilli()}
	unknown := math.NaN()
	throughput, lag, delay, p99, pressure, busiest := unknown, unknown, unknown, unknown, unknown, unknown
	heap := unknown
	rates := metric.Between(before, now)
	// Counters begin anew with each attempt.
	same := before.Attempt == now.Attempt && before.Restarts == now.Restarts
	for i := range rates.Operators {
		o := &rates.Operators[i]
		if o.Lag >= 0 && finite(o.Lag) {
			lag = o.Lag + known(lag)
		}
		if d := watermarkDelay(o.Operator.Subtasks, now.At); d != nil && !(*d <= delay) {
			delay = *d
		}
		if !same {
			continue
		}
		pressure = max(known(pressure), o.Blocked)
		busiest = max(known(busiest), o.Busy, min(o.MaxOwn, 1))
		if o.Operator.Kind == "source" {
			throughput = known(throughput) + o.Out
		}
	}
	for _, l := range now.Latencies {
		if ms := millis(l.P99); l.Kind == metric.MarkerLatency && l.Count > 0 && !(ms <= p99) {
			p99 = ms
		}
	}
	if now.Process.HeapBytes > 0 {
		heap = float64(now.Process.HeapBytes)
	}
	p.values = [len(seriesNames)]float64{throughput, lag, delay, p99, pressure, float64(now.InFlightBytes), heap, busiest}
	return p
}

// known is 0 for what is unknown.
func known(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}

// historyView is the answer of /api/v1/history.
type historyView struct {
	IntervalSeconds float64            `json:"interval_seconds"`
	At              []int64            `json:"at"` // ms since 1970
	Series          map[string]numbers `json:"series"`
}

// numbers are written with null for what is unknown.
type numbers []float64

// MarshalJSON implements json.Marshaler.
func (n numbers) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 8*len(n)+2), '[')
	for i, v := range n {
		if i > 0 {
			b = append(b, ',')
		}
		if !finite(v) {
			b = append(b, "null"...)
			continue
		}
		b = strconv.AppendFloat(b, v, 'g', 6, 64)
	}
	return append(b, ']'), nil
}

// since returns the points after an instant, ms since 1970, oldest first.
func (h *history) since(after int64) historyView {
	v := historyView{IntervalSeconds: historyInterval.Seconds(), At: []int64{}, Series: map[string]numbers{}}
	for _, name := range seriesNames {
		v.Series[name] = numbers{}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.ring {
		p := &h.ring[(h.next+i)%len(h.ring)]
		if p.at <= after {
			continue
		}
		v.At = append(v.At, p.at)
		for k, name := range seriesNames {
			v.Series[name] = append(v.Series[name], p.values[k])
		}
	}
	return v
}

func (f *feed) serveHistory(w http.ResponseWriter, r *http.Request) {
	after := int64(math.MinInt64)
	if q := r.URL.Query(); q.Has("since") {
		n, err := strconv.ParseInt(q.Get("since"), 10, 64)
		if err != nil {
			http.Error(w, "since is a time in milliseconds since 1970, like 1790000000000", http.StatusBadRequest)
			return
		}
		after = n
	}
	answer(w, http.StatusOK, f.history.since(after))
}
