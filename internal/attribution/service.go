package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/affluxdev/afflux/guard"
)

// service is an outside system: an HTTP server on loopback whose answers are
// made slow, refused or broken while a job runs.
type service struct {
	server *http.Server
	url    string
	client *http.Client

	delay   atomic.Int64  // of an answer, nanoseconds
	retry   time.Duration // what it asks to wait when it refuses
	limited atomic.Pointer[rate.Limiter]
	broken  atomic.Bool
}

// quick is how long an answer takes of a service that is well.
const quick = time.Millisecond

func newService() (*service, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the outside service: %w", err)
	}
	s := &service{url: "http://" + l.Addr().String(), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512}}}
	s.delay.Store(int64(quick))
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.server.Serve(l) }() // until Close
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.broken.Load() {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if l := s.limited.Load(); l != nil && !l.Allow() {
		w.Header().Set("Retry-After-Ms", strconv.FormatInt(s.retry.Milliseconds(), 10))
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	select {
	case <-time.After(time.Duration(s.delay.Load())):
	case <-r.Context().Done():
	}
}

func (s *service) close() {
	_ = s.server.Close() // what is under way belongs to a job that has ended
	s.client.CloseIdleConnections()
}

// ask makes one request about a record.
func (s *service) ask(ctx context.Context, seq int64) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/"+strconv.FormatInt(seq, 10), nil)
	if err != nil {
		return err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusTooManyRequests:
		ms, _ := strconv.Atoi(resp.Header.Get("Retry-After-Ms"))
		return &guard.Throttled{After: time.Duration(ms) * time.Millisecond, Err: errors.New(resp.Status)}
	}
	return errors.New(resp.Status)
}

// breaker keeps calls from a system that only answers with errors: it opens
// after some failures in a row, and lets one call try again after a while.
type breaker struct {
	mu       sync.Mutex
	failures int
	until    time.Time
}

// Limits of a breaker.
const (
	tripsAfter = 5
	staysOpen  = 500 * time.Millisecond
)

var errOpen = errors.New("the breaker is open")

// do calls f unless the breaker is open. A call that failed, or was not made, is
// to be made again later.
func (b *breaker) do(f func() error) error {
	b.mu.Lock()
	if wait := time.Until(b.until); wait > 0 {
		b.mu.Unlock()
		return &guard.Throttled{After: wait, Err: errOpen}
	}
	b.mu.Unlock()
	err := f()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		b.failures = 0
		return nil
	}
	if b.failures++; b.failures >= tripsAfter {
		b.until = time.Now().Add(staysOpen)
	}
	return &guard.Throttled{After: staysOpen, Err: err}
}
