package generator

import (
	"bufio"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
	"time"
)

// corner is a point of a rate that is linear in between.
type corner struct {
	at   time.Duration
	rate float64
}

// linear is a profile through corners in the order of time; two at the same
// time are a step. The last rate stays.
func linear(corners []corner) Profile {
	before := make([]float64, len(corners)) // records due until each corner
	for i := 1; i < len(corners); i++ {
		a, b := corners[i-1], corners[i]
		before[i] = before[i-1] + over((a.rate+b.rate)/2, b.at-a.at)
	}
	// last returns the last corner at or before t.
	last := func(t time.Duration) int {
		return max(sort.Search(len(corners), func(i int) bool { return corners[i].at > t })-1, 0)
	}
	rate := func(t time.Duration) float64 {
		i := last(t)
		if i == len(corners)-1 {
			return corners[i].rate
		}
		a, b := corners[i], corners[i+1]
		return a.rate + (b.rate-a.rate)*float64(t-a.at)/float64(b.at-a.at)
	}
	return Profile{
		rate: rate,
		total: func(t time.Duration) float64 {
			i := last(t)
			return before[i] + over((corners[i].rate+rate(t))/2, t-corners[i].at)
		},
	}
}

// maxTrace is the most rows of a trace.
const maxTrace = 1 << 20

// Trace replays a recorded rate: rows of CSV "seconds,rate", in the order of
// time. Each rate holds until the next row; the first row also holds for the
// time ahead of it, and the last one for ever. A header line is skipped. A
// trace has at most 1 048 576 rows.
func Trace(r io.Reader) (Profile, error) {
	var corners []corner
	in := bufio.NewScanner(r)
	for line := 1; in.Scan(); line++ {
		text := strings.TrimSpace(in.Text())
		if text == "" {
			continue
		}
		first, second, _ := strings.Cut(text, ",")
		at, err1 := strconv.ParseFloat(strings.TrimSpace(first), 64)
		rate, err2 := strconv.ParseFloat(strings.TrimSpace(second), 64)
		if line == 1 && err1 != nil && err2 != nil {
			continue // the header
		}
		if err1 != nil || err2 != nil || !valid(rate) || !(at >= 0 && at <= 9e9) {
			return Profile{}, fmt.Errorf("trace line %d: %.100q is not \"seconds,rate\"", line, text)
		}
		c := corner{time.Duration(at * 1e9), rate}
		n := len(corners)
		switch {
		case n == 0:
			corners = append(corners, corner{0, rate})
		case c.at <= corners[n-1].at:
			return Profile{}, fmt.Errorf("trace line %d: %v is not after the line before", line, at)
		case n >= 2*maxTrace:
			return Profile{}, fmt.Errorf("trace line %d: more than %d rows", line, maxTrace)
		default:
			corners = append(corners, corner{c.at, corners[n-1].rate})
			corners = append(corners, c)
			continue
		}
		if c.at > 0 {
			corners = append(corners, c)
		}
	}
	if err := in.Err(); err != nil {
		return Profile{}, fmt.Errorf("trace: %w", err)
	}
	if len(corners) == 0 {
		return Profile{}, fmt.Errorf("trace: no rows")
	}
	p := linear(corners)
	p.name = "trace"
	return p, nil
}
