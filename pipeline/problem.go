package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Problem is one thing that is wrong with a pipeline, and where.
type Problem struct {
	// File is the name of the file, or what stands in its place: "--set path=value".
	File string
	// Line and Column count from 1, columns in characters; 0 if the place has none.
	Line, Column int
	// Message says what is wrong and what to write instead.
	Message string
	// Source is the line that holds the problem, empty if there is none to show.
	Source string
}

// Error is the problem as "file:line:column: message", followed by the line of
// the file and a caret below the column.
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": " + p.Message)
	if p.Source == "" || p.Line == 0 {
		return b.String()
	}
	margin := fmt.Sprintf("%5d", p.Line)
	fmt.Fprintf(&b, "\n%s | %s", margin, p.Source)
	fmt.Fprintf(&b, "\n%s | %s^", strings.Repeat(" ", len(margin)), indentTo(p.Source, p.Column))
	return b.String()
}

// indentTo is the space ahead of a column; tabs stay, so that the caret lines up.
func indentTo(line string, column int) string {
	var b strings.Builder
	for i, r := range []rune(line) {
		if i >= column-1 {
			break
		}
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
	}
	if n := column - 1 - utf8.RuneCountInString(line); n > 0 {
		b.WriteString(strings.Repeat(" ", n))
	}
	return b.String()
}

// Problems are all the problems found, in the order of the file. It is the
// error that Load, Check and Build return for a pipeline that is wrong.
type Problems []Problem

// Error lists the problems, one after the other.
func (p Problems) Error() string {
	all := make([]string, len(p))
	for i := range p {
		all[i] = p[i].Error()
	}
	return strings.Join(all, "\n")
}

// place is a position in the pipeline's text.
type place struct {
	line, column int
	origin       string // set for a value that does not come from the file
}

// report collects problems. Every stage adds to it and goes on.
type report struct {
	file  string
	lines []string
	all   Problems
}

const (
	// maxProblems bounds how many problems are reported at a time.
	maxProblems = 100
	// maxShown is the longest line in bytes that is shown with a problem.
	maxShown = 1000
)

func newReport(file string, text []byte) *report {
	return &report{file: file, lines: strings.Split(string(text), "\n")}
}

func (r *report) addf(at place, format string, args ...any) {
	p := Problem{File: r.file, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...)}
	if at.origin != "" {
		p.File, p.Line, p.Column = at.origin, 0, 0
	}
	if p.Line > 0 && p.Line <= len(r.lines) && len(r.lines[p.Line-1]) <= maxShown {
		p.Source = strings.TrimRight(r.lines[p.Line-1], "\r")
	}
	if len(r.all) >= maxProblems || slices.Contains(r.all, p) {
		return
	}
	r.all = append(r.all, p)
}

// err is nil without problems, else all of them sorted by position.
func (r *report) err() error {
	if len(r.all) == 0 {
		return nil
	}
	slices.SortStableFunc(r.all, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return r.all
}

// suggest is "; did you mean x?" for the closest of the names, or a list of
// all when none is close and there are few, or nothing.
func suggest(got string, names []string) string {
	switch best := closest(got, names); {
	case best != "":
		return fmt.Sprintf("; did you mean %q?", best)
	case len(names) > 0 && len(names) <= 24:
		return "; write one of " + strings.Join(names, ", ")
	}
	return ""
}

// closest is the name that got was probably meant to be, or nothing.
func closest(got string, names []string) string {
	best, distance := "", 0
	for _, n := range names {
		d := editDistance(strings.ToLower(got), strings.ToLower(n))
		if best == "" || d < distance {
			best, distance = n, d
		}
	}
	if limit := max(len(got), len(best)) / 3; distance <= min(max(limit, 1), 3) && distance < len(best) {
		return best
	}
	return ""
}

// editDistance counts insertions, deletions, replacements and exchanges of two
// neighbours (optimal string alignment).
func editDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x) > 64 || len(y) > 64 {
		return 64
	}
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
