package doctor

import (
	"context"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/affluxdev/afflux/internal/remote"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Exit codes of the command; wrong flags are 2, as everywhere.
const (
	ExitHealthy  = 0
	ExitFindings = 1 // something is wrong with the job
	ExitUsage    = 2
	ExitNoAnswer = 3 // nobody could be asked
)

// ExitError is an error with the exit code it asks for. Its text is empty when
// all has been said.
type ExitError struct {
	Code int
	Err  error
}

// Error implements error.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return ""
	}
	return e.Err.Error()
}

// Unwrap returns what was wrong.
func (e *ExitError) Unwrap() error { return e.Err }

// options of the command.
type options struct {
	watch, json bool
	every       time.Duration
	tls         remote.TLS
}

// Command returns the command doctor, whose errors are of type *ExitError but for
// wrong flags. Program is the name of the command it belongs to, for examples;
// listen is the address that is asked unless another one is given; and the
// environment variable tokenIn has the token to send along.
func Command(program, listen, tokenIn string) *cobra.Command {
	o := options{}
	cmd := &cobra.Command{
		Use:   "doctor [URL]",
		Short: "Say what holds a running job up, and what to do",
		Long: fmt.Sprintf(`Ask a running job what holds it up: which operator is guilty, why, with the
numbers, what to change, and what will not help. The worst comes first. Notes are
worth knowing of a job that is well.

The job is asked at its API, by default at http://%s; the token in
%s is sent along. A job that has only just started is given five seconds.
With --watch the findings are shown again whenever they change, until Ctrl-C.

Exit status: 0 healthy, 1 not healthy, 2 wrong flags, 3 no job answers.`, listen, tokenIn),
		Example: fmt.Sprintf(`  %[1]s doctor
  %[1]s doctor --json | jq '.findings[0].remedy'
  %[1]s doctor --watch https://stream-7.internal:8080
  %[1]s doctor --tls-ca ca.pem --tls-cert me.pem --tls-key me-key.pem https://stream-7.internal:8080`, program),
		Args:          cobra.MaximumNArgs(1),
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			address := listen
			if len(args) > 0 {
				address = args[0]
			}
			job, err := remote.At(address, os.Getenv(tokenIn), o.tls)
			if err != nil {
				return &ExitError{ExitUsage, err}
			}
			if o.every < minEvery {
				return &ExitError{ExitUsage, fmt.Errorf("--every %v: it must be at least %v", o.every, minEvery)}
			}
			healthy, err := o.run(cmd.Context(), job, cmd.OutOrStdout())
			switch {
			case err != nil:
				return &ExitError{ExitNoAnswer, err}
			case !healthy:
				return &ExitError{ExitFindings, nil}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&o.watch, "watch", false, "go on, and show the findings whenever they change")
	cmd.Flags().DurationVar(&o.every, "every", 2*time.Second, "how often to ask with --watch")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON: an object, with --watch one a line")
	o.tls.Register(cmd.Flags())
	return cmd
}

// minEvery is the least time between two questions of --watch.
const minEvery = 100 * time.Millisecond

func (o options) run(ctx context.Context, job *remote.Job, out io.Writer) (healthy bool, err error) {
	r, err := askPatiently(ctx, job)
	if err != nil {
		return false, err
	}
	s := screenOf(out, o)
	if err := s.show(r); err != nil || !o.watch {
		return r.Healthy, err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	return o.follow(ctx, job, s, r)
}

// follow asks again and again until ctx ends, or the job does not answer for a
// while. It returns whether the job was well at last.
func (o options) follow(ctx context.Context, job *remote.Job, s *screen, last Report) (healthy bool, err error) {
	answered := time.Now()
	for wait(ctx, o.every) == nil {
		r, err := ask(ctx, job)
		switch {
		case ctx.Err() != nil:
		case err == nil:
			answered = time.Now()
			if err := s.change(last, r); err != nil {
				return r.Healthy, err
			}
			last = r
		case time.Since(answered) > max(patience, o.every):
			return false, err
		}
	}
	return last.Healthy, nil
}

// screen shows reports one after another.
type screen struct {
	out           io.Writer
	json, watch   bool
	live, colour  bool
	width, height int
	lines         int // of the last report on a live screen
}

func screenOf(out io.Writer, o options) *screen {
	s := &screen{out: out, json: o.json, watch: o.watch, width: 80}
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return s
	}
	if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
		s.width, s.height = w-1, h
	}
	dumb := os.Getenv("TERM") == "dumb"
	s.live, s.colour = o.watch && !o.json && !dumb, !dumb && os.Getenv("NO_COLOR") == ""
	return s
}

// change shows a report where another one was: on a live screen always, since the
// numbers move; else if there are other findings.
func (s *screen) change(last, r Report) error {
	if !s.live && same(last, r) {
		return nil
	}
	return s.show(r)
}

// same tells whether two reports have the same findings, whatever their numbers.
func same(a, b Report) bool {
	if a.Healthy != b.Healthy || len(a.Findings) != len(b.Findings) {
		return false
	}
	for i := range a.Findings {
		f, g := &a.Findings[i], &b.Findings[i]
		if f.Operator != g.Operator || f.Subtask != g.Subtask || f.Cause != g.Cause || f.Severity != g.Severity {
			return false
		}
	}
	return true
}

func (s *screen) show(r Report) error {
	text, err := s.textOf(r)
	if err != nil {
		return err
	}
	if s.live {
		text = s.rewind() + text
		s.lines = strings.Count(text, "\n")
	}
	_, err = io.WriteString(s.out, text)
	return err
}

func (s *screen) textOf(r Report) (string, error) {
	if s.json {
		b, err := asJSON(r, !s.watch)
		return string(b) + "\n", err
	}
	if !s.watch {
		return r.Text(s.width, s.colour), nil
	}
	at := ""
	if !r.At.IsZero() {
		at = r.At.Local().Format("15:04:05") + " "
	}
	text := r.text(at, s.width, s.colour)
	if !s.live {
		text += "\n"
	}
	return text, nil
}

// rewind goes to where the last report began, and clears it.
func (s *screen) rewind() string {
	switch {
	case s.lines == 0:
		return ""
	case s.lines >= s.height:
		return "\x1b[H\x1b[2J"
	}
	return fmt.Sprintf("\x1b[%dA\r\x1b[J", s.lines)
}

func asJSON(r Report, indent bool) ([]byte, error) {
	if r.Findings == nil {
		return nil, errors.New("a report without findings, not even none")
	}
	if indent {
		return json.Marshal(r, jsontext.WithIndent("  "))
	}
	return json.Marshal(r)
}
