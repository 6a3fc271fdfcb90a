package doctor

import (
	"fmt"
	"strings"

	"github.com/affluxdev/afflux/internal/diagnosis"
	"github.com/affluxdev/afflux/internal/terminal"
)

// Widths of the text, in cells.
const (
	narrowest = 30
	widest    = 100
)

// Text writes a report for people, in lines of at most width cells, with colour
// if that is wanted. What a job says is shown without control characters.
func (r Report) Text(width int, colour bool) string { return r.text("", width, colour) }

// text is Text with something ahead of the first line, which counts for its width.
func (r Report) text(ahead string, width int, colour bool) string {
	width = min(max(width, narrowest), widest)
	var b strings.Builder
	for _, l := range terminal.Wrap(ahead+r.headline(), width) {
		b.WriteString(paint(colour, bold, l) + "\n")
	}
	for _, f := range r.Findings {
		b.WriteString("\n")
		f.text(&b, width, colour)
	}
	return b.String()
}

func (r Report) headline() string {
	notes := 0
	for _, f := range r.Findings {
		if f.Severity == diagnosis.Note {
			notes++
		}
	}
	findings := len(r.Findings) - notes
	line := "healthy: nothing holds the job up"
	switch {
	case !r.Healthy:
		line = "not healthy: " + number(findings, "finding")
		if notes > 0 {
			line += " and " + number(notes, "note")
		}
	case notes > 0:
		line = "healthy, with " + number(notes, "note")
	}
	if r.Seconds < diagnosis.EnoughSeconds {
		line += fmt.Sprintf(" (seen for only %.0f s: not everything could be looked for)", r.Seconds)
	}
	return line
}

func number(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (f Finding) text(b *strings.Builder, width int, colour bool) {
	where := diagnosis.Finding{Operator: f.Operator, Subtask: f.Subtask}.Where()
	words := f.Words
	if words == "" {
		words = diagnosis.Cause(f.Cause).Words()
	}
	tint := yellow
	if f.Severity == diagnosis.Critical {
		tint = red
	} else if f.Severity == diagnosis.Note {
		tint = bold
	}
	for _, l := range terminal.Wrap(terminal.Printable(fmt.Sprintf("%s: %s: %s", f.Severity, where, words)), width) {
		b.WriteString(paint(colour, tint, l) + "\n")
	}
	for _, part := range []struct{ lead, text string }{
		{"  ", f.Evidence}, {"  do:  ", f.Remedy}, {"  not: ", f.Avoid},
	} {
		lead := part.lead
		for _, l := range terminal.Wrap(terminal.Printable(part.text), width-len(lead)) {
			b.WriteString(lead + l + "\n")
			lead = strings.Repeat(" ", len(lead))
		}
	}
}

// Colours (ECMA-48).
const (
	bold   = "\x1b[1m"
	red    = "\x1b[1m\x1b[31m"
	yellow = "\x1b[33m"
	plain  = "\x1b[0m"
)

func paint(colour bool, how, text string) string {
	if !colour {
		return text
	}
	return how + text + plain
}
