package main

import (
	"bytes"
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/affluxdev/afflux/guard"
	"golang.org/x/time/rate"
)

// profileService is a real HTTP service with limited capacity: it answers
// after a latency, and refuses with 429 what is beyond its rate.
type profileService struct {
	limit   *rate.Limiter
	latency time.Duration
	server  *http.Server
	addr    string
	done    chan struct{}
}

// segments of users, as the service knows them.
var segments = [...]string{"new", "regular", "gold", "guest"}

// maxLookup bounds one request.
const maxLookup = 1000

// startProfiles serves on a free port of loopback: capacity look-ups a second,
// each request after the latency.
func startProfiles(capacity float64, latency time.Duration) (*profileService, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the profile service cannot listen: %w", err)
	}
	s := &profileService{limit: rate.NewLimiter(rate.Limit(capacity), max(maxLookup, int(capacity/20))), latency: latency, addr: l.Addr().String(), done: make(chan struct{})}
	s.server = &http.Server{Handler: s, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(l) // ends with Close
	}()
	return s, nil
}

func (s *profileService) close() {
	_ = s.server.Close()
	<-s.done
}

// ServeHTTP answers POST with a JSON list of user numbers by the list of their
// segments.
func (s *profileService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var users []int64
	if err := json.UnmarshalRead(io.LimitReader(r.Body, 64<<10), &users); err != nil || len(users) > maxLookup {
		http.Error(w, "a list of at most 1000 user numbers is expected", http.StatusBadRequest)
		return
	}
	if now := time.Now(); !s.limit.AllowN(now, len(users)) {
		missing := float64(len(users)) - s.limit.TokensAt(now)
		wait := time.Duration(missing / float64(s.limit.Limit()) * float64(time.Second))
		w.Header().Set("Retry-After-Ms", strconv.FormatInt(max(wait.Milliseconds(), 1), 10))
		http.Error(w, "too many look-ups", http.StatusTooManyRequests)
		return
	}
	select {
	case <-time.After(s.latency):
	case <-r.Context().Done():
		return
	}
	out := make([]string, len(users))
	for i, u := range users {
		out[i] = segments[u%int64(len(segments))]
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.MarshalWrite(w, out) // the client is gone
}

// profileClient calls the service.
type profileClient struct {
	url  string
	http *http.Client
}

func newProfileClient(addr string) *profileClient {
	return &profileClient{url: "http://" + addr + "/segments", http: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 64, DisableCompression: true},
	}}
}

func (p *profileClient) close() { p.http.CloseIdleConnections() }

// segments asks for the segments of users. A 429 is pressure, not a failure of
// the records.
func (p *profileClient) segments(ctx context.Context, users []int64) (out []string, err error) {
	body, err := json.Marshal(users)
	if err != nil {
		return nil, guard.Permanent(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return nil, guard.Permanent(err)
	}
	res, err := p.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	switch res.StatusCode {
	case http.StatusOK:
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		ms, _ := strconv.Atoi(res.Header.Get("Retry-After-Ms"))
		return nil, &guard.Throttled{After: time.Duration(ms) * time.Millisecond, Err: errors.New(res.Status)}
	default:
		return nil, fmt.Errorf("the profile service answered %s: %s", res.Status, bytes.TrimSpace(answer))
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		return nil, fmt.Errorf("the profile service answered nonsense: %w", err)
	}
	if len(out) != len(users) {
		return nil, fmt.Errorf("the profile service answered %d segments for %d users", len(out), len(users))
	}
	return out, nil
}
