// Package api serves what is known of a running job over HTTP: Prometheus
// metrics, the job as JSON, its checkpoints, and whether it is well. All that can
// be asked of the job is to take a checkpoint, and to stop after it.
package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Bounds of the server.
const (
	maxConnections = 64
	maxHeaderBytes = 16 << 10
	readTimeout    = 5 * time.Second
	writeTimeout   = 15 * time.Second
	idleTimeout    = 60 * time.Second
	// grace is how long Close waits for answers in progress.
	grace = 2 * time.Second
)

// Options say what to serve, and to whom.
type Options struct {
	// Listen is a TCP address, host:port; port 0 takes any free one. Without
	// a Token the host must be a loopback address or localhost.
	Listen string
	// Token, if set, must come with each request except /api/v1/health, as
	// "Authorization: Bearer TOKEN". It travels in the clear: put TLS in front
	// where others can listen.
	Token string
	// Sampler gives the snapshots. The caller runs it.
	Sampler *metric.Sampler
	// Checkpoints is nil for a job that takes none.
	Checkpoints Checkpoints
}

// Server is a running server.
type Server struct {
	address string
	http    *http.Server
	stop    func() bool // of the watch on the context
	done    chan struct{}
	closing sync.Once
	err     error // of serving; read it after done
}

// Serve listens and serves until ctx ends or Close is called. An error says
// why it cannot listen, and what to do.
func Serve(ctx context.Context, o Options) (*Server, error) {
	if o.Token == "" {
		if err := checkLoopback(o.Listen); err != nil {
			return nil, err
		}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("cannot serve metrics and API on %s: %w; choose another address with --listen, or --listen off", o.Listen, err)
	}
	loopback := isLoopback(l.Addr())
	if !loopback && o.Token == "" { // localhost that is none
		_ = l.Close()
		return nil, notLoopback(o.Listen)
	}
	s := &Server{address: l.Addr().String(), done: make(chan struct{})}
	s.http = &http.Server{
		Handler:           guard(handler(o.Sampler, o.Checkpoints), o.Token, loopback),
		ReadHeaderTimeout: readTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          log.New(io.Discard, "", 0), // what clients do wrong is theirs
	}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(newLimited(l, maxConnections)); !errors.Is(err, http.ErrServerClosed) {
			s.err = err
		}
	}()
	s.stop = context.AfterFunc(ctx, s.shutdown)
	return s, nil
}

// Addr is the address that the server listens on, with its real port.
func (s *Server) Addr() string { return s.address }

// Close stops listening, lets answers in progress end within two seconds, and
// returns when no goroutine of the server is left, with the error that ended
// serving before its time, if any.
func (s *Server) Close() error {
	s.stop()
	s.shutdown()
	<-s.done
	return s.err
}

// shutdown runs once; a second caller waits for the first.
func (s *Server) shutdown() {
	s.closing.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		if s.http.Shutdown(ctx) != nil {
			_ = s.http.Close()
		}
	})
}

func handler(sampler *metric.Sampler, taken Checkpoints) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collector{pair: sampler.Pair},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		// One bad series of a connector must not hide all the others.
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: 4,
		Timeout:             writeTimeout - 5*time.Second,
	}))
	mux.HandleFunc("GET /api/v1/job", func(w http.ResponseWriter, _ *http.Request) { serveJob(w, sampler) })
	mux.HandleFunc("GET /api/v1/health", func(w http.ResponseWriter, _ *http.Request) { serveHealth(w, sampler) })
	checkpoints{taken, sampler}.register(mux)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, `/metrics              metrics for Prometheus
/api/v1/job           the job as JSON
/api/v1/health        200 while the job is well
/api/v1/checkpoints   checkpoints as JSON; POST takes one now
/api/v1/savepoints    POST takes a savepoint now; ?stop=true ends the job after it
`)
	})
	return mux
}
