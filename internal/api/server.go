// Package api serves what is known of a running job over HTTP: its web page,
// Prometheus metrics, the job as JSON, now and over the last hour, what holds it
// up, its checkpoints, and whether it is well. All that can be asked of the job is
// to take a checkpoint, to stop after it, and to profile its process.
package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
	"github.com/affluxdev/afflux/internal/ui"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Bounds of the server.
const (
	maxConnections = 64
	maxStreams     = 32 // of one connection, with HTTP/2
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
	// a Token or TLS the host must be a loopback address or localhost.
	Listen string
	// Token, if set, must come with each request except /api/v1/health, as
	// "Authorization: Bearer TOKEN". A browser is given a cookie for it when it
	// opens /?token=TOKEN. Without TLS it travels in the clear.
	Token string
	// TLS, if its fields are set, makes the server speak TLS only. Beyond loopback,
	// with neither a Token nor a ClientCA, the job can be read by everybody and
	// nothing can be asked of it.
	TLS TLS
	// Sampler gives the snapshots. The caller runs it.
	Sampler *metric.Sampler
	// Checkpoints is nil for a job that takes none.
	Checkpoints Checkpoints
	// DeadLetters, if set, tells of records that were refused. Any goroutine may
	// call it.
	DeadLetters func() metric.DeadLetters
	// ShowValues serves the contents of these records too.
	ShowValues bool
}

// Server is a running server.
type Server struct {
	address string
	secure  bool
	http    *http.Server
	cancel  context.CancelFunc // of the feed and of profiles
	fed     chan struct{}      // closed when the feed has ended
	stop    func() bool        // of the watch on the context
	done    chan struct{}
	closing sync.Once
	err     error // of serving; read it after done
}

// Serve listens and serves until ctx ends or Close is called. An error says
// why it cannot listen, and what to do.
func Serve(ctx context.Context, o Options) (*Server, error) {
	secured, err := o.TLS.config(time.Now())
	if err != nil {
		return nil, err
	}
	if o.Token == "" && secured == nil {
		if err := checkLoopback(o.Listen); err != nil {
			return nil, err
		}
	}
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := newFeed(o)
	routes, err := handler(o, f, serving.Done())
	if err != nil {
		cancel()
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Listen)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("cannot serve metrics and API on %s: %w; choose another address with --listen, or --listen off", o.Listen, err)
	}
	loopback := isLoopback(l.Addr())
	if !loopback && o.Token == "" && secured == nil { // localhost that is none
		cancel()
		_ = l.Close()
		return nil, notLoopback(o.Listen)
	}
	is := rules{session: session{token: o.Token, secure: secured != nil}, loopback: loopback}
	is.mayAsk = loopback || o.Token != "" || o.TLS.ClientCA != ""
	s := &Server{address: l.Addr().String(), secure: secured != nil, cancel: cancel, fed: make(chan struct{}), done: make(chan struct{})}
	s.http = &http.Server{
		Handler:           guard(routes, is),
		ReadHeaderTimeout: readTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		TLSConfig:         secured,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:          log.New(io.Discard, "", 0), // what clients do wrong is theirs
	}
	go func() {
		defer close(s.fed)
		f.run(serving)
	}()
	go func() {
		defer close(s.done)
		listener := newLimited(l, maxConnections)
		if s.secure {
			err = s.http.ServeTLS(listener, "", "")
		} else {
			err = s.http.Serve(listener)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			s.err = err
		}
	}()
	s.stop = context.AfterFunc(ctx, s.shutdown)
	return s, nil
}

// Addr is the address that the server listens on, with its real port.
func (s *Server) Addr() string { return s.address }

// URL is the address of the page, and what the other paths come after, as it is
// asked for on this machine.
func (s *Server) URL() string {
	address := s.address
	if host, port, err := net.SplitHostPort(address); err == nil {
		if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
			address = net.JoinHostPort("localhost", port)
		}
	}
	if s.secure {
		return "https://" + address
	}
	return "http://" + address
}

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
		s.cancel()
		<-s.fed // who follows the job has the last event now
		ctx, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		if s.http.Shutdown(ctx) != nil {
			_ = s.http.Close()
		}
	})
}

// handler serves all paths. closing is closed when the server is about to close.
func handler(o Options, f *feed, closing <-chan struct{}) (http.Handler, error) {
	site, err := newPage(ui.Files())
	if err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collector{pair: o.Sampler.Pair, report: f.report},
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
	mux.HandleFunc("GET /api/v1/job", f.serveJob)
	mux.HandleFunc("GET "+healthPath, func(w http.ResponseWriter, _ *http.Request) { serveHealth(w, o.Sampler) })
	mux.HandleFunc("GET /api/v1/overview", f.serveOverview)
	mux.HandleFunc("GET "+streamPath, f.serveStream)
	mux.HandleFunc("GET /api/v1/operators/{id}", f.serveOperator)
	mux.HandleFunc("GET /api/v1/history", f.serveHistory)
	mux.HandleFunc("GET /api/v1/diagnosis", f.serveDiagnosis)
	mux.HandleFunc("GET /api/v1/deadletters", letters{o.DeadLetters, o.ShowValues}.serve)
	mux.HandleFunc("GET "+profilePath, newProfiler(closing).serve)
	checkpoints{o.Checkpoints, o.Sampler}.register(mux)
	mux.HandleFunc("GET /api/v1/{$}", serveIndex)
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		if !site.serve(w, r) {
			http.NotFound(w, r)
		}
	})
	return mux, nil
}

// serveIndex says what there is.
func serveIndex(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, `/metrics                  metrics for Prometheus
/api/v1/overview          the job now: operators, arrows, health
/api/v1/stream            the same each second, as Server-Sent Events
/api/v1/operators/ID      the subtasks of an operator
/api/v1/history           the last hour; ?since=MILLISECONDS for what is new
/api/v1/diagnosis         what holds the job up, and what to do
/api/v1/deadletters       records that were refused
/api/v1/profile           where processor time goes; ?seconds=1..30&operator=NAME
/api/v1/job               everything that is known, with each subtask and channel
/api/v1/health            200 while the job is well
/api/v1/checkpoints       checkpoints; POST takes one now
/api/v1/savepoints        POST takes a savepoint now; ?stop=true ends the job after it
`)
}
