//go:build !race

// The race detector costs more than what is measured here.

package uitest

import (
	"bufio"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// usedOf is the processor time that the process of a job has used.
func usedOf(t testing.TB, address string) time.Duration {
	t.Helper()
	r, err := http.Get(address + "metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "process_cpu_seconds_total "); ok {
			s, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			return time.Duration(s * float64(time.Second))
		}
	}
	t.Fatal("the metrics have no processor time of the process")
	return 0
}

// A page that is open costs the job less than one percent of a processor.
func TestCostOfAnOpenPage(t *testing.T) {
	const (
		rounds = 3
		most   = 0.01 // processors, besides what measuring itself varies by
	)
	jobs, length := []string{"calm", "wide"}, 4*time.Second
	if testing.Short() {
		jobs, length = jobs[:1], 2*time.Second
	}
	for _, name := range jobs {
		t.Run(name, func(t *testing.T) {
			j := start(t, name)
			p := open(t, j.address, desktop)
			p.until(`document.querySelector("[data-operator]")`)
			share := func() float64 {
				before, began := usedOf(t, j.address), time.Now()
				<-time.After(length)
				return float64(usedOf(t, j.address)-before) / float64(time.Since(began))
			}
			var with, without []float64
			for range rounds {
				value[any](p, `void (location.href = "about:blank")`)
				without = append(without, share())
				p.navigate(j.address)
				with = append(with, share())
			}
			slices.Sort(with)
			slices.Sort(without)
			cost, noise := with[rounds/2]-without[rounds/2], without[rounds-1]-without[0]
			t.Logf("processors used: %s without a page, %s with one: the page costs %.4f", shares(without), shares(with), cost)
			if cost > most+noise {
				t.Errorf("an open page costs %.4f of a processor, want %v at most", cost, most)
			}
		})
	}
}

func shares(s []float64) string {
	var b strings.Builder
	for _, v := range s {
		fmt.Fprintf(&b, "%.4f ", v)
	}
	return strings.TrimSpace(b.String())
}
