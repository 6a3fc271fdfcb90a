package terminal

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
)

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0ms", 85 * time.Millisecond: "85ms", 4150 * time.Millisecond: "4.1s",
		9990 * time.Millisecond: "9.9s", 42 * time.Second: "42s", 65 * time.Second: "1m05s",
		3*time.Hour + 12*time.Minute: "3h12m", 292*time.Hour + time.Minute: "12d04h",
	} {
		if got := duration(d); got != want || len(got) > 7 {
			t.Errorf("duration(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestDelay(t *testing.T) {
	now := time.Unix(1000, 0)
	for w, want := range map[event.Time]string{
		event.MinTime: "-", event.MaxTime: "end", event.At(now.Add(-time.Minute)): "1m00s", event.At(now.Add(time.Hour)): "0s",
	} {
		if got := delayOf(w, now); got != want {
			t.Errorf("delayOf(%v) = %q, want %q", w, got, want)
		}
	}
}

func TestCutAndPad(t *testing.T) {
	for _, c := range []struct {
		got, want string
	}{
		{left("ab", 4), "ab  "}, {right("ab", 4), "  ab"}, {left("abcdef", 4), "abc…"},
		{left("品目名", 4), "品… "}, {left("品目", 5), "品目 "}, {cut("abc", 0), ""}, {cut("abc", -3), ""},
		{printable("a\x1b[2J\nb\u202ec"), "a [2J b c"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text         string
		width, lines int
		want         []string
	}{
		{"", 10, 2, nil},
		{"one two three", 20, 2, []string{"one two three"}},
		{"one two three", 8, 2, []string{"one two", "three"}},
		{"one two three four", 8, 2, []string{"one two", "three f…"}},
		{"incomprehensible", 8, 2, []string{"incompr…"}},
		{"an incomprehensible word", 8, 3, []string{"an", "incompr…", "word"}},
	} {
		if got := wrap(c.text, c.width, c.lines); !reflect.DeepEqual(got, c.want) {
			t.Errorf("wrap(%q, %d, %d) = %q, want %q", c.text, c.width, c.lines, got, c.want)
		}
	}
}

func TestBar(t *testing.T) {
	for _, c := range []struct {
		busy, outside, blocked float64
		want                   string
	}{
		{0, 0, 0, "··········"},
		{1, 0, 0, "██████████"},
		{0.3, 0.2, 0.1, "███▓▓▒····"},
		{0.04, 0.04, 0.92, "▓▒▒▒▒▒▒▒▒▒"},
		{0.9, 0.9, 0.9, "█████████▓"},
		{-1, 0, 0.5, "▒▒▒▒▒·····"},
	} {
		if got := brush(false).bar(c.busy, c.outside, c.blocked, 10); got != c.want {
			t.Errorf("bar(%v, %v, %v) = %s, want %s", c.busy, c.outside, c.blocked, got, c.want)
		}
		if got := brush(true).bar(c.busy, c.outside, c.blocked, 10); visibleWidth(got) != 10 || !strings.HasSuffix(got, reset) {
			t.Errorf("in colour: %q", got)
		}
	}
}
