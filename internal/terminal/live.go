package terminal

import (
	"context"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/affluxdev/afflux/internal/diagnosis"
	"github.com/affluxdev/afflux/internal/metric"
	"golang.org/x/term"
)

// redraw is the time between two frames.
const redraw = 250 * time.Millisecond

// Control sequences (ECMA-48; the last pair, which holds the screen back while
// a frame is written, is ignored by terminals that do not know it).
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	clearRight = "\x1b[K"
	clearBelow = "\x1b[J"
	holdScreen = "\x1b[?2026h"
	freeScreen = "\x1b[?2026l"
)

// View is the live view of a job. It redraws in place on the normal screen:
// what was there before stays above, and the last frame stays when it ends.
// Writes to the view appear above the frame, so that logs and the view share
// a terminal. It is safe for concurrent use.
type View struct {
	out     io.Writer
	size    func() (width, height int)
	colour  bool
	sampler *metric.Sampler

	mu     sync.Mutex
	frame  []string // lines on the screen now, the cursor below them
	closed bool     // no frame is drawn any more
	err    error    // the first of writing
}

// IsTerminal tells whether a live view can be drawn on f.
func IsTerminal(f *os.File) bool {
	return term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// NewView returns the view of the job that the sampler samples, on a terminal.
// It uses colour unless the environment has NO_COLOR set.
func NewView(f *os.File, sampler *metric.Sampler) *View {
	size := func() (int, int) {
		w, h, err := term.GetSize(int(f.Fd()))
		if err != nil || w <= 0 || h <= 0 {
			return 80, 24
		}
		return w, h
	}
	return newView(f, size, os.Getenv("NO_COLOR") == "", sampler)
}

func newView(out io.Writer, size func() (int, int), colour bool, sampler *metric.Sampler) *View {
	return &View{out: out, size: size, colour: colour, sampler: sampler}
}

// Run draws four frames a second until ctx ends, then a last one. Of a job
// that has ended, it shows the rates over its whole life. The cursor is hidden
// meanwhile. It returns the first error of writing to the terminal,
// at which it stops.
func (v *View) Run(ctx context.Context) error {
	v.write(hideCursor)
	defer v.write(showCursor)
	tick := time.NewTicker(redraw)
	defer tick.Stop()
	for {
		if err := v.draw(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return v.last()
		case <-tick.C:
		}
	}
}

// Write prints text above the frame. It implements io.Writer for a logger;
// each call should hold whole lines.
func (v *View) Write(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(p) == 0 {
		return 0, v.err
	}
	if v.closed || len(v.frame) == 0 {
		return v.out.Write(p)
	}
	text := string(p)
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	width, _ := v.size()
	v.put(v.rewind(width) + clearBelow + text + strings.Join(v.frame, "\n") + "\n")
	if v.err != nil {
		return 0, v.err
	}
	return len(p), nil
}

// draw replaces the frame on the screen.
func (v *View) draw() error {
	job, rates := v.sampler.Current()
	v.mu.Lock()
	defer v.mu.Unlock()
	if job == nil {
		return v.err
	}
	if job.Ended() {
		rates = metric.Between(&metric.Job{At: job.Started}, job)
	}
	width, height := v.size()
	// One column stays free: some terminals wrap when the last is written.
	// One line stays free for the cursor, and one so that nothing scrolls.
	text := Render(job, rates, findingOf(v.sampler.Samples(), job), width-1, height-2, v.colour)
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	var s strings.Builder
	s.WriteString(holdScreen + v.rewind(width))
	for _, l := range lines {
		s.WriteString(l + clearRight + "\n")
	}
	s.WriteString(clearBelow + freeScreen)
	v.frame = lines
	v.put(s.String())
	return v.err
}

// findingOf is the worst finding about a job, nil when there is none.
func findingOf(samples []*metric.Job, now *metric.Job) *diagnosis.Finding {
	if f, ok := diagnosis.Examine(append(samples, now)).Bottleneck(); ok {
		return &f
	}
	return nil
}

func (v *View) last() error {
	err := v.draw()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	return err
}

// rewind moves the cursor to the start of the frame on the screen. Lines that
// were drawn on a wider terminal have been wrapped by it since.
func (v *View) rewind(width int) string {
	rows := 0
	for _, l := range v.frame {
		rows += max(1, (visibleWidth(l)+width-1)/max(width, 1))
	}
	if rows == 0 {
		return "\r"
	}
	return "\r" + cursorUp(rows)
}

func (v *View) write(s string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.put(s)
}

// put writes at once, so that a frame is not seen half drawn.
func (v *View) put(s string) {
	if v.err == nil {
		_, v.err = io.WriteString(v.out, s)
	}
}
