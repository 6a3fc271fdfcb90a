package task

import (
	"math"
	"testing"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

// chainOf is a chain of two operators, whose samples the test makes up.
func chainOf(account *metric.Account) (links []*link, share func(now int64) float64) {
	for range 2 {
		links = append(links, &link{counters: metric.NewOperatorCounters()})
	}
	var last [2]time.Duration
	return links, func(now int64) float64 {
		var s [2]metric.Subtask
		var did [2]time.Duration
		for i, l := range links {
			metric.Fill(&s[i], l.counters, account.Read(now))
			did[i] = s[i].Own - last[i]
			last[i] = s[i].Own
		}
		return float64(did[1]) / float64(did[0]+did[1])
	}
}

func TestSharesFollowAChange(t *testing.T) {
	const second = int64(time.Second)
	account := metric.NewAccount(0)
	now := int64(1)
	account.Start(now)
	links, share := chainOf(account)
	var d division
	// A minute of small batches, of which few are samples: the first operator
	// does nearly everything.
	for range 60 * 100 {
		now += second / 100
		links[0].own += 900
		links[1].own += 100
		d.divide(links, account.Worked(now))
	}
	if got := share(now); math.Abs(got-0.1) > 0.01 {
		t.Errorf("the second operator has a share of %.2f, want 0.1", got)
	}
	// Then the second one becomes slow, and every batch is a sample.
	for i := range 3 {
		for range 10 {
			now += second / 10
			links[0].own += second / 1000
			links[1].own += second/10 - second/1000
			d.divide(links, account.Worked(now))
		}
		if got := share(now); got < 0.95 || got > 1 {
			t.Errorf("second %d after the change: a share of %.2f", i+1, got)
		}
	}
	// And back, with few samples again.
	for range 500 {
		now += second / 100
		links[0].own += 900
		links[1].own += 100
		d.divide(links, account.Worked(now))
	}
	share(now)
	for range 500 {
		now += second / 100
		links[0].own += 900
		links[1].own += 100
		d.divide(links, account.Worked(now))
	}
	if got := share(now); got > 0.5 {
		t.Errorf("ten seconds after the change back: a share of %.2f", got)
	}
}

func TestSharesSumToTheWork(t *testing.T) {
	account := metric.NewAccount(1)
	account.Start(0)
	links, _ := chainOf(account)
	var d division
	now := int64(0)
	for i := range int64(100) {
		account.BeginBlocked(0, now)
		now += 7
		account.End(now)
		now += 1000
		links[i%2].own += 10
		d.divide(links, account.Worked(now))
	}
	var sum time.Duration
	for _, l := range links {
		var s metric.Subtask
		metric.Fill(&s, l.counters, account.Read(now))
		sum += s.Own
	}
	if want := time.Duration(100 * 1000); sum < want-10 || sum > want {
		t.Errorf("the operators worked %v of %v", sum, want)
	}
}
