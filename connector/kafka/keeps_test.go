package kafka

import (
	"math"
	"testing"
	"time"
)

func TestKeeps(t *testing.T) {
	for _, c := range []struct {
		policy, ms string
		want       time.Duration
		ok         bool
	}{
		{"delete", "1000", time.Second, true},
		{"", "1000", time.Second, true},
		{"compact,delete", "1000", time.Second, true},
		{"compact", "1000", 0, false},
		{"delete", "-1", 0, false},
		{"delete", "", 0, false},
		{"delete", "9223372036854775807", time.Duration(math.MaxInt64).Truncate(time.Millisecond), true},
	} {
		if d, ok := keeps(c.policy, c.ms); d != c.want || ok != c.ok {
			t.Errorf("%q and %q: %v, %v", c.policy, c.ms, d, ok)
		}
	}
}
