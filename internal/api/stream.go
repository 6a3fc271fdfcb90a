package api

import (
	"net/http"
	"time"
)

const (
	// eventTimeout is how long a subscriber may take for one event.
	eventTimeout = 5 * time.Second
	// retryMillis is when a browser tries again after its stream has ended.
	retryMillis = "3000"
	// finalID is the ID of an event after which nothing will come.
	finalID = "final"
)

// serveStream sends the overview with each sample, as Server-Sent Events, until
// the job has ended or the server closes. A browser that comes again for a job
// that has ended is told by 204 to leave it.
func (f *feed) serveStream(w http.ResponseWriter, r *http.Request) {
	if s := f.look(); r.Header.Get("Last-Event-ID") == finalID && s.job != nil && s.job.Ended() {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if r.Method == http.MethodHead {
		w.Header().Set("Content-Type", "text/event-stream")
		return
	}
	s, ok := f.subscribe()
	if !ok {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "too many pages follow this job: close one, or ask for /api/v1/overview from time to time", http.StatusServiceUnavailable)
		return
	}
	defer f.unsubscribe(s)
	control := http.NewResponseController(w)
	// The deadlines of the server are for short answers. Where there is no
	// connection, in tests, there are none.
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Now().Add(eventTimeout))
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // or a proxy would collect events
	if _, err := w.Write([]byte("retry: " + retryMillis + "\n\n")); err != nil || control.Flush() != nil {
		return
	}
	_ = control.SetWriteDeadline(time.Time{})
	for {
		var e frame
		select {
		case <-r.Context().Done():
			return
		case e = <-s.slot:
		}
		_ = control.SetWriteDeadline(time.Now().Add(eventTimeout))
		if e.write(w) != nil || control.Flush() != nil || e.last {
			return
		}
		// With HTTP/2 a deadline ends the stream even while nothing is written.
		_ = control.SetWriteDeadline(time.Time{})
	}
}

// write writes an event: JSON as it is written here has no line breaks.
func (e frame) write(w http.ResponseWriter) error {
	if e.text == nil {
		return nil
	}
	head := "event: overview\ndata: "
	if e.final {
		head = "id: " + finalID + "\n" + head
	}
	text := make([]byte, 0, len(head)+len(e.text)+2)
	text = append(append(append(text, head...), e.text...), "\n\n"...)
	_, err := w.Write(text)
	return err
}
