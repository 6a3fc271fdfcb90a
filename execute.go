package afflux

import (
	"context"
	jsonv1 "encoding/json"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/affluxdev/afflux/internal/api"
	"github.com/affluxdev/afflux/internal/metric"
	"github.com/affluxdev/afflux/internal/terminal"
)

// DefaultListen is where a running job serves its metrics and its API.
const DefaultListen = "127.0.0.1:8080"

// TokenVariable names the environment variable with the token that requests
// must carry when a job listens beyond loopback.
const TokenVariable = "AFFLUX_TOKEN"

// ExecuteOptions say how a job is run by a command.
type ExecuteOptions struct {
	// Listen is the address of the metrics and the API; "off" or "" for none.
	Listen string
	// ListenIfFree makes a busy address a warning instead of an error: for a
	// default that the user did not choose.
	ListenIfFree bool
	// TLSCert and TLSKey name PEM files with a certificate and its key: the server
	// speaks TLS then. TLSClientCA names one with the authorities that must have
	// signed the certificates of clients. Beyond loopback a job is served with a
	// token, with TLS, or with both.
	TLSCert, TLSKey, TLSClientCA string
	// ShowValues lets the API and the page show the contents of records that were
	// refused.
	ShowValues bool
	// Headless writes log lines even if standard error is a terminal.
	Headless bool
	// JSON prints the final summary as JSON: on standard output, or on standard
	// error if the job writes records to standard output.
	JSON bool
	// Quiet prints no view, no log lines and no summary for people.
	Quiet bool
	// Stdout and Stderr default to the process's own.
	Stdout io.Writer
	Stderr *os.File
	// NoSummary leaves the final summary out, for a command with its own.
	NoSummary bool
	// OnInterrupt, if set, is called at the first interrupt instead of Drain or
	// Suspend.
	OnInterrupt func()
	// Observe, if set, gets the run once it has started.
	Observe func(*Run)
}

// Execute runs a job as a command does: with a live view on a terminal or log
// lines elsewhere and where records go to the terminal, metrics and API, and a
// final summary. The first interrupt drains the job, or suspends one with
// checkpoints; a second one stops it at once. It returns the job's error.
func Execute(ctx context.Context, j *Job, o ExecuteOptions) error {
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	if o.Stderr == nil {
		o.Stderr = os.Stderr
	}
	live := !o.Headless && !o.Quiet && terminal.IsTerminal(o.Stderr)
	log := &switchable{w: o.Stderr}
	if j.cfg.Log == nil && !o.Quiet {
		j.cfg.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	}
	r, err := j.prepare()
	if err != nil {
		return err
	}
	if r.writesStdout() && terminal.IsTerminal(os.Stdout) {
		live = false // the records appear where the view would be drawn
	}
	sampler := metric.NewSampler(r.Snapshot)
	background, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	server, err := listen(background, o, r, sampler, log)
	if err != nil {
		return err
	}
	if server != nil {
		defer func() { _ = server.Close() }()
		if !live && !o.Quiet {
			fmt.Fprintf(log, "page on %[1]s/, metrics on %[1]s/metrics, API on %[1]s/api/v1/\n", server.URL())
		}
	}
	if err := r.job.Start(ctx); err != nil {
		return err
	}
	wg.Go(func() { sampler.Run(background) })
	if o.Observe != nil {
		o.Observe(r)
	}
	what, first := "draining what was read", r.Drain
	switch {
	case o.OnInterrupt != nil:
		first = o.OnInterrupt
	case j.cfg.Checkpoints != nil:
		what, first = "taking a checkpoint, to go on from it later", func() {
			if err := r.Suspend(background); err != nil && background.Err() == nil {
				fmt.Fprintln(log, "no checkpoint could be taken:", err)
				r.Cancel()
			}
		}
	}
	wg.Go(func() { interrupts(background, r, what, func() { wg.Go(first) }, log) })
	shown := make(chan struct{})
	viewing, endView := context.WithCancel(context.Background())
	go func() {
		defer close(shown)
		show(viewing, o, live, sampler, log)
	}()
	err = r.Wait()
	sampler.Sample()
	endView()
	<-shown
	log.set(o.Stderr)
	if o.NoSummary {
		return err
	}
	return errors.Join(err, summarize(r, o, live))
}

// listen starts the server of the metrics and the API.
func listen(ctx context.Context, o ExecuteOptions, r *Run, s *metric.Sampler, log io.Writer) (*api.Server, error) {
	if o.Listen == "" || o.Listen == "off" {
		return nil, nil
	}
	options := api.Options{
		Listen: o.Listen, Token: os.Getenv(TokenVariable), Sampler: s, DeadLetters: r.job.DeadLetters, ShowValues: o.ShowValues,
		TLS: api.TLS{Cert: o.TLSCert, Key: o.TLSKey, ClientCA: o.TLSClientCA},
	}
	if r.takes {
		options.Checkpoints = taker{r}
	}
	server, err := api.Serve(ctx, options)
	if err != nil && o.ListenIfFree && !errors.Is(err, api.ErrTLS) {
		fmt.Fprintf(log, "warning: %v\n", err)
		return nil, nil
	}
	return server, err
}

// show draws the view, or writes log lines, until ctx ends.
func show(ctx context.Context, o ExecuteOptions, live bool, s *metric.Sampler, log *switchable) {
	switch {
	case o.Quiet:
		<-ctx.Done()
	case live:
		v := terminal.NewView(o.Stderr, s)
		log.set(v)
		_ = v.Run(ctx) // a view that cannot be drawn must not fail the job
	default:
		_ = terminal.Plain(ctx, o.Stderr, s, terminal.LineInterval)
	}
}

// interrupts calls first at the first signal and cancels the job at the second.
func interrupts(ctx context.Context, r *Run, what string, first func(), log io.Writer) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case s := <-signals:
			if n == 0 {
				fmt.Fprintf(log, "%v: %s; once more to stop at once\n", s, what)
				first()
				continue
			}
			r.Cancel()
		}
	}
}

// summarize prints what the job did.
func summarize(r *Run, o ExecuteOptions, live bool) error {
	s := terminal.Summarize(r.Snapshot())
	if !o.Quiet && !(live && o.JSON) {
		people := s
		people.Error = "" // the command prints it last
		fmt.Fprint(o.Stderr, people.Table())
	}
	if !o.JSON {
		return nil
	}
	w := o.Stdout
	if r.writesStdout() {
		w = o.Stderr
	}
	if err := json.MarshalWrite(w, s, jsontext.WithIndent("  "), jsonv1.FormatDurationAsNano(true)); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// writesStdout tells whether a sink of the job writes records there.
func (r *Run) writesStdout() bool {
	for _, n := range r.job.Plan().Nodes {
		if n.Sink != nil && n.Sink.Describe().WritesStdout {
			return true
		}
	}
	return false
}

// switchable is a writer whose target changes: log lines go above the live
// view while there is one.
type switchable struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *switchable) set(w io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w = w
}

func (s *switchable) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(b)
}
