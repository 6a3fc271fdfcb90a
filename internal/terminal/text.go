package terminal

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/metric"
	"github.com/mattn/go-runewidth"
)

// Printable replaces what would move the cursor or change the terminal by spaces.
func Printable(s string) string { return printable(s) }

// printable replaces what would move the cursor or change the terminal: names
// and errors come from outside.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, s)
}

// cells is a printer of a fixed condition, whatever the locale: the frames of
// a view must not depend on where it runs.
var cells = &runewidth.Condition{}

// cut shortens a text to at most width cells, with an ellipsis.
func cut(s string, width int) string {
	if width <= 0 {
		return ""
	}
	return cells.Truncate(s, width, "…")
}

// left and right pad or cut a text to exactly width cells.
func left(s string, width int) string { return cells.FillRight(cut(s, width), width) }

func right(s string, width int) string { return cells.FillLeft(cut(s, width), width) }

// Wrap breaks a text at spaces into lines of at most width cells. A word that
// is longer is cut.
func Wrap(s string, width int) []string { return wrap(s, width, len(s)) }

// wrap breaks a text at spaces into at most lines lines of width cells; the
// last one is cut.
func wrap(s string, width, lines int) []string {
	var out []string
	line := ""
	words := strings.Fields(s)
	for i, w := range words {
		switch {
		case line == "":
			line = w
		case cells.StringWidth(line)+1+cells.StringWidth(w) <= width:
			line += " " + w
		case len(out)+1 < lines:
			out = append(out, cut(line, width))
			line = w
		default:
			return append(out, cut(line+" "+strings.Join(words[i:], " "), width))
		}
	}
	if line != "" {
		out = append(out, cut(line, width))
	}
	return out
}

// duration writes a time span in at most seven characters: 85ms, 4.1s, 1m05s,
// 3h12m, 12d04h.
func duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Truncate(100*time.Millisecond).Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}

// watermarkOf is the watermark of the slowest subtask that is not idle.
func watermarkOf(o *metric.Operator) event.Time {
	var w metric.Watermarks
	for i := range o.Subtasks {
		w.Add(&o.Subtasks[i])
	}
	merged, _ := w.Merged()
	return merged
}

// delayOf is how far a watermark is behind the clock, "-" for none, "end" when
// all input has ended.
func delayOf(watermark event.Time, now time.Time) string {
	switch watermark {
	case event.MinTime:
		return "-"
	case event.MaxTime:
		return "end"
	}
	return duration(now.Sub(watermark.Std()))
}

// of writes "held/bound" of a number of bytes, compactly: 412K/4.0M.
func of(held, bound int64) string { return compact(held) + "/" + compact(bound) }

func compact(n int64) string {
	s, unit, _ := strings.Cut(metric.FormatBytes(n), " ")
	if unit == "B" {
		return s
	}
	return s + unit[:1]
}

// visibleWidth is the width in cells of a line that Render made: colours take
// no room.
func visibleWidth(s string) int {
	width := 0
	for {
		text, rest, found := strings.Cut(s, "\x1b[")
		width += cells.StringWidth(text)
		if !found {
			return width
		}
		_, s, _ = strings.Cut(rest, "m")
	}
}

func cursorUp(rows int) string { return fmt.Sprintf("\x1b[%dA", rows) }
