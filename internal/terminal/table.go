package terminal

import (
	"fmt"
	"strings"

	"github.com/affluxdev/afflux/internal/diagnosis"
	"github.com/affluxdev/afflux/internal/metric"
)

// row is one operator in the table. The operators of a chain stand below each
// other; the first one shows the time of the task that they share.
type row struct {
	*metric.OperatorRate
	name     string
	head     bool    // first of its chain
	outside  float64 // share of time that the task waits outside
	holds    bool    // has channels that lead to it, or buffers outside of them
	inFlight int64
	bound    int64
	delay    string // of the watermark
	guilty   bool
	finished bool
}

// column is one column: its cells are exactly width wide.
type column struct {
	title string
	width int
	right bool
	cell  func(r *row) (text, colour string)
	// draw replaces cell where a text of one colour will not do.
	draw func(b brush, r *row, width int) string
}

// table draws the operators in at most height lines.
func (f *frame) table(height int, finding *diagnosis.Finding) []string {
	if height <= 0 {
		return nil
	}
	rows := f.rows(finding)
	longest := len("operator")
	for i := range rows {
		longest = max(longest, cells.StringWidth(rows[i].name))
	}
	columns, gap := layout(f.width, longest)
	lines := []string{f.brush.paint(dim, line(columns, gap, func(c column) string { return c.pad(c.title) }))}
	for i := range rows {
		if len(lines) == height-1 && i < len(rows)-1 {
			return append(lines, cut(fmt.Sprintf("… %d more operators", len(rows)-i), f.width))
		}
		if len(lines) == height {
			break
		}
		lines = append(lines, line(columns, gap, func(c column) string { return c.render(f.brush, &rows[i]) }))
	}
	return lines
}

func line(columns []column, gap int, cell func(column) string) string {
	var s []string
	for _, c := range columns {
		s = append(s, cell(c))
	}
	return strings.TrimRight(strings.Join(s, strings.Repeat(" ", gap)), " ")
}

// rows groups the operators by chain, in the order of their first operators.
func (f *frame) rows(finding *diagnosis.Finding) []row {
	chains := map[int][]*metric.OperatorRate{}
	var order []int
	for i := range f.rates.Operators {
		o := &f.rates.Operators[i]
		if chains[o.Operator.Chain] == nil {
			order = append(order, o.Operator.Chain)
		}
		chains[o.Operator.Chain] = append(chains[o.Operator.Chain], o)
	}
	var rows []row
	for _, c := range order {
		outside := 0.0
		for _, o := range chains[c] {
			outside += o.External
		}
		for i, o := range chains[c] {
			r := row{OperatorRate: o, name: printable(o.Operator.Name), head: i == 0, outside: min(outside, o.Busy)}
			if i > 0 {
				lead := "├ "
				if i == len(chains[c])-1 {
					lead = "└ "
				}
				r.name = lead + r.name
			}
			r.guilty = finding != nil && finding.Operator == o.Operator.Name
			r.delay = delayOf(watermarkOf(&o.Operator), f.job.At)
			r.finished = finished(&o.Operator)
			for _, e := range f.rates.Edges {
				if e.Edge.To == o.Operator.ID && len(e.Edge.Channels) > 0 {
					r.holds = true
					r.inFlight += e.InFlight
					r.bound += e.Bound
				}
			}
			for j := range o.Operator.Subtasks {
				s := &o.Operator.Subtasks[j]
				r.holds = r.holds || s.BufferedBound > 0
				r.inFlight += s.Buffered
				r.bound += s.BufferedBound
			}
			rows = append(rows, r)
		}
	}
	return rows
}

func finished(o *metric.Operator) bool {
	for i := range o.Subtasks {
		if o.Subtasks[i].State != "finished" {
			return false
		}
	}
	return len(o.Subtasks) > 0
}

// maxBar is the widest bar, in cells.
const maxBar = 30

// layout chooses the columns for a width, and the gap between them. The names
// take what is left, but no more than the longest needs; the rest widens the
// bar.
func layout(width, longest int) (columns []column, gap int) {
	name := column{title: "operator", cell: func(r *row) (string, string) {
		if r.guilty {
			return r.name, bold + red
		}
		return r.name, ""
	}}
	switch {
	case width >= 100:
		columns, gap = []column{name, tasks, in, out, times(20), level, own, flight, lag, delay}, 2
	case width >= 76:
		columns, gap = []column{name, tasks, in, out, times(10), level, flight, lag, delay}, 1
	case width >= 52:
		columns, gap = []column{name, in, out, times(10), level, lag}, 1
	default:
		columns, gap = []column{name, out, level}, 1
	}
	rest := width
	for _, c := range columns[1:] {
		rest -= c.width + gap
	}
	columns[0].width = min(rest, longest)
	for i, c := range columns {
		if c.draw != nil {
			columns[i] = times(min(c.width+rest-columns[0].width, maxBar))
		}
	}
	return columns, gap
}

func times(width int) column {
	title := "busy/outside/blocked"
	if width < len(title) {
		title = "time"
	}
	return column{title: title, width: width, draw: func(b brush, r *row, width int) string {
		if !r.head {
			return strings.Repeat(" ", width)
		}
		return b.bar(r.Busy-r.outside, r.outside, r.Blocked, width)
	}}
}

var (
	tasks = column{title: "par", width: 3, right: true, cell: func(r *row) (string, string) {
		return fmt.Sprint(r.Operator.Parallelism), ""
	}}
	in = column{title: "in/s", width: 6, right: true, cell: func(r *row) (string, string) {
		if r.Operator.Kind == "source" {
			return "-", dim
		}
		return metric.FormatCount(r.In), ""
	}}
	out = column{title: "out/s", width: 6, right: true, cell: func(r *row) (string, string) {
		if r.Operator.Kind == "sink" {
			return "-", dim
		}
		return metric.FormatCount(r.Out), ""
	}}
	// level is the pressure on a task, or that an operator limits the job.
	level = column{title: "level", width: 5, cell: func(r *row) (string, string) {
		switch {
		case r.guilty:
			return "LIMIT", bold + red
		case !r.head:
			return "", ""
		case r.finished:
			return "done", dim
		case r.Level == metric.High:
			return string(r.Level), bold + red
		case r.Level == metric.Low:
			return string(r.Level), yellow
		}
		return string(r.Level), green
	}}
	own = column{title: "own", width: 4, right: true, cell: func(r *row) (string, string) {
		return fmt.Sprintf("%.0f%%", 100*min(max(r.Own, 0), 1)), ""
	}}
	flight = column{title: "held/bound", width: 11, right: true, cell: func(r *row) (string, string) {
		if !r.holds {
			return "-", dim
		}
		return of(r.inFlight, r.bound), ""
	}}
	lag = column{title: "lag", width: 6, right: true, cell: func(r *row) (string, string) {
		if r.Lag < 0 {
			return "-", dim
		}
		return metric.FormatCount(r.Lag), ""
	}}
	delay = column{title: "delay", width: 7, right: true, cell: func(r *row) (string, string) {
		return r.delay, ""
	}}
)

// pad fits a text to the column.
func (c column) pad(s string) string {
	if c.right {
		return right(s, c.width)
	}
	return left(s, c.width)
}

func (c column) render(b brush, r *row) string {
	if c.draw != nil {
		return c.draw(b, r, c.width)
	}
	text, colour := c.cell(r)
	return b.paint(colour, c.pad(text))
}
