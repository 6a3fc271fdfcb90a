package api

import (
	"strings"
	"testing"
)

func TestLatencyMetrics(t *testing.T) {
	families := scrapeOf(t, after)
	for _, c := range []struct {
		name, labels string
		want         float64
	}{
		{"afflux_job_latency", "from=clicks,to=out,quantile=0.5", 2},
		{"afflux_job_latency", "from=clicks,to=out,quantile=0.99", 8},
		{"afflux_job_latency", "from=clicks,to=out,quantile=0.999", 9},
		{"afflux_job_latency", "from=clicks,to=out,quantile=1", 10},
		{"afflux_job_eventTimeLatency", "to=out,quantile=0.5", 4000},
		{"afflux_job_eventTimeLatency", "to=out,quantile=1", 6000},
	} {
		if got, found := value(t, families, c.name, strings.Split(c.labels, ",")...); !found || got != c.want {
			t.Errorf("%s{%s} = %v (found %v), want %v", c.name, c.labels, got, found, c.want)
		}
	}
}
