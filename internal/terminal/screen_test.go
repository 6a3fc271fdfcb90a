package terminal

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// screen is the part of a terminal that a View uses: it wraps long lines,
// moves the cursor up, and clears. Lines scrolled out at the top are kept.
type screen struct {
	mu       sync.Mutex
	t        *testing.T
	width    int
	rows     [][]rune
	x, y     int
	hidden   bool
	writes   int
	onWrite  func(n int)
	failFrom int // fail the writes from this one on, 0 for never
}

var control = regexp.MustCompile(`^\x1b\[(\??)(\d*)([A-Za-z])`)

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	if s.failFrom > 0 && s.writes >= s.failFrom {
		return 0, errClosed
	}
	for text := string(p); text != ""; {
		if m := control.FindStringSubmatch(text); m != nil {
			s.control(m[1]+m[2]+m[3], m[2])
			text = text[len(m[0]):]
			continue
		}
		r := []rune(text)[0]
		text = text[len(string(r)):]
		s.put(r)
	}
	if s.onWrite != nil {
		s.onWrite(s.writes)
	}
	return len(p), nil
}

func (s *screen) control(seq, arg string) {
	n, _ := strconv.Atoi(arg)
	switch {
	case strings.HasSuffix(seq, "A"):
		s.y = max(0, s.y-n)
	case seq == "K":
		if s.y < len(s.rows) && s.x < len(s.rows[s.y]) {
			s.rows[s.y] = s.rows[s.y][:s.x]
		}
	case seq == "J":
		if s.y < len(s.rows) {
			s.rows = s.rows[:s.y]
		}
	case seq == "?25l":
		s.hidden = true
	case seq == "?25h":
		s.hidden = false
	case seq == "?2026h", seq == "?2026l", strings.HasSuffix(seq, "m"):
	default:
		s.t.Errorf("unknown control sequence %q", seq)
	}
}

func (s *screen) put(r rune) {
	switch r {
	case '\r':
		s.x = 0
		return
	case '\n':
		s.row()
		s.x, s.y = 0, s.y+1
		return
	case '\x1b':
		s.t.Error("a control sequence that a terminal does not know")
		return
	}
	if s.x == s.width {
		s.x, s.y = 0, s.y+1
	}
	s.row()
	for len(s.rows[s.y]) <= s.x {
		s.rows[s.y] = append(s.rows[s.y], ' ')
	}
	s.rows[s.y][s.x] = r
	s.x++
}

func (s *screen) row() {
	for len(s.rows) <= s.y {
		s.rows = append(s.rows, nil)
	}
}

// narrow makes the terminal narrower, wrapping what is on it.
func (s *screen) narrow(width int) {
	var rows [][]rune
	for _, r := range s.rows {
		for len(r) > width {
			rows = append(rows, r[:width:width])
			r = r[width:]
		}
		rows = append(rows, r)
	}
	s.width, s.rows, s.y = width, rows, len(rows)
}

func (s *screen) String() string {
	var lines []string
	for _, r := range s.rows {
		lines = append(lines, strings.TrimRight(string(r), " "))
	}
	return strings.Join(lines, "\n")
}
