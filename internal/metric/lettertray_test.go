package metric

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestReasonsAreGrouped(t *testing.T) {
	for _, c := range []struct{ reason, origin, want string }{
		{"kafka: clicks/3/17: no number", "clicks/3/17", "kafka: no number"},
		{"orders.csv:17: no number", "orders.csv:17", "no number"},
		{`strconv.Atoi: parsing "12\"x": invalid syntax`, "", `strconv.Atoi: parsing "...": invalid syntax`},
		{"row 12 has 3.5 fields", "", "row N has N fields"},
		{"HTTP 404 after 12 ms", "", "HTTP 404 after N ms"},
		{"an end is missing: \"abc", "", "an end is missing: \"..."},
		{strings.Repeat("x", 1000), "", strings.Repeat("x", MaxDeadLetterReason)},
		{"12.", "", "N."},
		{"", "", ""},
	} {
		if got := string(appendGroup(nil, c.reason, c.origin)); got != c.want {
			t.Errorf("%q: got %q, want %q", c.reason, got, c.want)
		}
	}
}

func TestLetterTrayIsBounded(t *testing.T) {
	var tray LetterTray
	now := time.Unix(1000, 0)
	kept := 0
	// A storm of ten seconds.
	for i := range 100_000 {
		reason := fmt.Sprintf("kind %s of record %d", strings.Repeat("x", i%150), i)
		if tray.Count("parse", reason, "", now) {
			kept++
			tray.Keep(DeadLetter{At: now, Operator: "parse", Reason: reason, Value: strings.Repeat("v", 5000)})
		}
		now = now.Add(100 * time.Microsecond)
	}
	got := tray.Read()
	if got.Total != 100_000 || len(got.Last) != MaxDeadLetters || len(got.Reasons) != MaxDeadLetterReasons+1 {
		t.Fatalf("%d in all, %d letters, %d reasons", got.Total, len(got.Last), len(got.Reasons))
	}
	if most := MaxDeadLetterReasons + MaxDeadLetters + 10*deadLettersPerSecond; kept > most+1 || kept < 10*deadLettersPerSecond {
		t.Errorf("%d letters were kept on the way", kept)
	}
	sum := int64(0)
	for _, r := range got.Reasons {
		sum += r.Count
	}
	if sum != got.Total || got.Reasons[0].Reason != OtherReason {
		t.Errorf("the reasons sum to %d; the first is %+v", sum, got.Reasons[0])
	}
	for i, d := range got.Last {
		if len(d.Value) != MaxDeadLetterValue || i > 0 && d.At.After(got.Last[i-1].At) {
			t.Fatalf("letter %d: %d bytes, of %v", i, len(d.Value), d.At)
		}
	}
	if age := now.Sub(got.Last[0].At); age > time.Second {
		t.Errorf("the newest is %v old", age)
	}
}

func TestFewLettersAreAllKept(t *testing.T) {
	var tray LetterTray
	now := time.Unix(1000, 0)
	for i := range 20 {
		if !tray.Count("parse", "bad", "", now) {
			t.Fatalf("letter %d of a burst is not kept", i)
		}
		tray.Keep(DeadLetter{At: now, Value: fmt.Sprint(i)})
	}
	got := tray.Read()
	if len(got.Last) != 20 || got.Last[0].Value != "19" || got.Last[19].Value != "0" {
		t.Errorf("got %+v", got.Last)
	}
}

func BenchmarkCountLetter(b *testing.B) {
	var tray LetterTray
	now := time.Unix(1000, 0)
	b.ReportAllocs()
	for b.Loop() {
		tray.Count("parse", `kafka: clicks/3/1789: strconv.Atoi: parsing "12x": invalid syntax`, "clicks/3/1789", now)
	}
}
