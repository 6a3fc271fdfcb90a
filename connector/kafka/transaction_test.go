package kafka

import (
	"bytes"
	"strconv"
	"testing"
)

func FuzzTransactionHandle(f *testing.F) {
	t := transaction{id: "afflux-job-sink-0-1", producer: 1 << 40, epoch: 32766, topic: "orders"}
	f.Add(t.handle())
	t.placed, t.partition, t.offset = true, 7, 1<<40
	f.Add(t.handle())
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := parseTransaction(b)
		if err != nil {
			return
		}
		back, err := parseTransaction(got.handle())
		if err != nil || back != got {
			t.Errorf("%+v became %+v: %v", got, back, err)
		}
	})
}

func FuzzPosition(f *testing.F) {
	for _, s := range []string{"0", "12/34", "9223372036854775807", "9223372036854775808", "-1", "+1", "1/", "/1", "1/2/3", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := parsePosition(b)
		if !ok {
			return
		}
		if back, ok := parsePosition(p.append(nil)); !ok || back != p || p.next < 0 {
			t.Errorf("%q became %+v and %+v", b, p, back)
		}
	})
}

// A handle names its record later, in place.
func TestPlaceIsFilledIn(t *testing.T) {
	want := transaction{id: "x-0-0", producer: 3, epoch: 4, topic: "t"}
	b := want.handle()
	placeIn(b, nil)
	if got, err := parseTransaction(b); err != nil || got != want {
		t.Errorf("without a record: %+v, %v", got, err)
	}
	m := &mark{5, 6}
	placeIn(b, m)
	want.place(m)
	if got, err := parseTransaction(b); err != nil || got != want {
		t.Errorf("with a record: %+v, %v", got, err)
	}
	if !bytes.Equal(b, want.handle()) {
		t.Errorf("%q and %q", b, want.handle())
	}
}

func TestIdsOfOtherOperatorsAreNotTaken(t *testing.T) {
	for rest, want := range map[string]bool{
		"0-0": true, "12-3": true, strconv.Itoa(1<<30) + "-1": true,
		"": false, "0": false, "0-": false, "-0": false, "b-0-1": false, "1-0-1": false, "0-0x": false, "0--1": false,
	} {
		if numbered(rest) != want {
			t.Errorf("%q after the prefix: %v", rest, !want)
		}
	}
}
