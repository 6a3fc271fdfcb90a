package api

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/internal/diagnosis"
	"github.com/affluxdev/afflux/internal/metric"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

var update = flag.Bool("update", false, "write docs/metrics.md and the golden files anew")

// scrapeOf parses what /metrics answers about a job.
func scrapeOf(t *testing.T, of func(int) *metric.Job) map[string]*dto.MetricFamily {
	t.Helper()
	status, body := get(t, routes(sampled(of), nil), "/metrics")
	if status != 200 {
		t.Fatalf("status %d: %s", status, body)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// value finds the metric that has all of the labels, name=value.
func value(t *testing.T, families map[string]*dto.MetricFamily, name string, labels ...string) (v float64, found bool) {
	t.Helper()
	f := families[name]
	if f == nil {
		return 0, false
	}
next:
	for _, m := range f.Metric {
		has := map[string]bool{}
		for _, l := range m.Label {
			has[l.GetName()+"="+l.GetValue()] = true
		}
		for _, l := range labels {
			if !has[l] {
				continue next
			}
		}
		if found {
			t.Fatalf("%s %v is there twice", name, labels)
		}
		found = true
		if v = m.GetGauge().GetValue(); f.GetType() == dto.MetricType_COUNTER {
			v = m.GetCounter().GetValue()
		}
	}
	return v, found
}

func TestMetricValues(t *testing.T) {
	families := scrapeOf(t, after)
	for _, c := range []struct {
		name, labels string
		want         float64
	}{
		{"afflux_task_busyTimeMsPerSecond", "operator=enrich,subtask=1,task=enrich,job=hot items", 990},
		{"afflux_task_busyTimeMsPerSecond", "operator=parse,subtask=0,task=clicks -> parse", 200},
		{"afflux_task_idleTimeMsPerSecond", "operator=parse,subtask=0", 50},
		{"afflux_task_backPressuredTimeMsPerSecond", "operator=parse,subtask=0", 750},
		{"afflux_task_isBackPressured", "operator=parse,subtask=0", 1},
		{"afflux_task_isBackPressured", "operator=out", 0},
		{"afflux_task_accumulateBusyTimeMs_total", "operator=out", 1000},
		{"afflux_task_accumulateIdleTimeMs_total", "operator=out", 9000},
		{"afflux_task_accumulateBackPressuredTimeMs_total", "operator=clicks", 7500},
		{"afflux_task_wallTimeMs_total", "operator=out", 10_000},
		{"afflux_operator_numRecordsIn_total", "operator=out", 10_000},
		{"afflux_operator_numRecordsOut_total", "operator=out", 5000},
		{"afflux_operator_numBytesIn_total", "operator=out", 240_000},
		{"afflux_operator_numBytesOut_total", "operator=out", 120_000},
		{"afflux_operator_numRecordsInPerSecond", "operator=out", 1000},
		{"afflux_operator_numRecordsOutPerSecond", "operator=out", 500},
		{"afflux_operator_numBytesInPerSecond", "operator=out", 24_000},
		{"afflux_operator_numBytesOutPerSecond", "operator=out", 12_000},
		{"afflux_operator_ownTimeMsPerSecond", "operator=parse", 50},
		{"afflux_operator_stateTimeMsPerSecond", "operator=enrich,subtask=0", 10},
		{"afflux_operator_callsInFlight", "operator=enrich,subtask=0", 199},
		{"afflux_operator_callLimit", "operator=enrich,subtask=0", 200},
		{"afflux_source_splits", "operator=clicks", 2},
		{"afflux_process_cpuTimeMs_total", "", 15_000},
		{"afflux_process_gcTimeMs_total", "", 1500},
		{"afflux_process_processors", "", 4},
		{"afflux_process_heapBytes", "", 32 << 20},
		{"afflux_process_memoryLimitBytes", "", 1 << 30},
		{"afflux_operator_externalTimeMsPerSecond", "operator=enrich,subtask=0", 900},
		{"afflux_operator_externalTimeMs_total", "operator=enrich,subtask=0", 9000},
		{"afflux_operator_currentInputWatermark", "operator=out", float64(began.UnixMilli()) + 6000},
		{"afflux_operator_currentOutputWatermark", "operator=enrich,subtask=0", float64(began.UnixMilli()) + 6000},
		{"afflux_operator_watermarkLag", "operator=enrich,subtask=0", 4000},
		{"afflux_operator_numLateRecordsDropped_total", "operator=enrich,subtask=0", 2},
		{"afflux_operator_numRecordsSkipped_total", "operator=enrich,subtask=0", 3},
		{"afflux_operator_numRecordsDeadLettered_total", "operator=enrich,subtask=0", 4},
		{"afflux_operator_bufferedBytes", "operator=clicks", 777},
		{"afflux_operator_bufferedBytesBound", "operator=clicks", 4096},
		{"afflux_operator_counter_total", "operator=enrich,subtask=1,name=throttled", 30},
		{"afflux_source_pendingRecords", "operator=clicks", 3500},
		{"afflux_source_records_lag_max", "operator=clicks", 2500},
		{"afflux_source_records_lag", "operator=clicks,topic=clicks,partition=1", 2500},
		{"afflux_source_inputDone", "operator=clicks", 100},
		{"afflux_source_inputSize", "operator=clicks", 1000},
		{"afflux_channel_inFlightBytes", "from=parse,to=enrich,subtask=1", 1000},
		{"afflux_channel_inFlightBytes", "from=enrich,to=out,subtask=0", 30},
		{"afflux_channel_windowBytes", "to=out", 8192},
		{"afflux_channel_boundBytes", "to=out", 131_072},
		{"afflux_channel_sentBytes_total", "to=out", 150},
		{"afflux_channel_blockedTimeMs_total", "to=enrich,subtask=0", 5000},
		{"afflux_edge_blockedTimeMs_total", "from=parse,to=enrich", 7500},
		{"afflux_job_uptime", "job=hot items", 10_000},
		{"afflux_job_numRestarts_total", "", 1},
		{"afflux_job_checkpointInterval", "", 10_000},
		{"afflux_job_numberOfCompletedCheckpoints_total", "", 30},
		{"afflux_job_numberOfFailedCheckpoints_total", "", 2},
		{"afflux_job_numberOfInProgressCheckpoints", "", 1},
		{"afflux_job_lastCompletedCheckpointId", "", 31},
		{"afflux_job_lastCheckpointCompletedTimestamp", "", float64(began.UnixMilli()) + 9000},
		{"afflux_job_lastCheckpointDuration", "", 1000},
		{"afflux_job_lastCheckpointSize", "", 4096},
		{"afflux_job_lastCheckpointPersistedData", "", 512},
		{"afflux_job_lastCheckpointSyncTime", "", 2.5},
		{"afflux_job_lastCheckpointRestoreTimestamp", "", float64(began.UnixMilli())},
		{"afflux_task_checkpointStartDelayNanos", "operator=enrich,subtask=1,task=enrich", 3000},
		{"afflux_task_checkpointAlignmentTime", "operator=enrich,subtask=1", 6},
		{"afflux_job_inFlightBytes", "", 5000},
		{"afflux_job_inFlightBoundBytes", "", 1 << 20},
		{"afflux_job_peakInFlightBytes", "", 9000},
		{"afflux_job_state", "state=running", 1},
		{"afflux_job_bottleneck", "operator=enrich,cause=throttled", 1},
		{"afflux_job_finding", "operator=enrich,cause=throttled,severity=warning", 1},
	} {
		var labels []string
		if c.labels != "" {
			labels = strings.Split(c.labels, ",")
		}
		got, found := value(t, families, c.name, labels...)
		if !found || got < c.want-0.001 || got > c.want+0.001 {
			t.Errorf("%s{%s} = %v (found %v), want %v", c.name, c.labels, got, found, c.want)
		}
	}
	for _, absent := range [][2]string{
		{"afflux_operator_currentOutputWatermark", "operator=out"}, {"afflux_operator_currentInputWatermark", "operator=clicks"},
		{"afflux_operator_stateTimeMsPerSecond", "operator=out"}, {"afflux_operator_callLimit", "operator=out"}, {"afflux_source_splits", "operator=out"},
		{"afflux_source_pendingRecords", "operator=parse"}, {"afflux_operator_bufferedBytes", "operator=out"},
	} {
		if v, found := value(t, families, absent[0], absent[1]); found {
			t.Errorf("%s{%s} = %v, want none", absent[0], absent[1], v)
		}
	}
	for _, name := range []string{"process_resident_memory_bytes", "go_gc_duration_seconds", "go_goroutines"} {
		if families[name] == nil {
			t.Errorf("no %s", name)
		}
	}
}

// TestMetricsAreDocumented holds docs/metrics.md to the table, and a scrape to
// docs/metrics.md, with the types.
func TestMetricsAreDocumented(t *testing.T) {
	const path, mark = "../../docs/metrics.md", "<!-- made from the code: go test ./internal/api -update -->\n"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, table, found := strings.Cut(string(text), mark)
	if !found {
		t.Fatalf("%s has no line %q", path, mark)
	}
	if want := MetricsTable(); table != want {
		if *update {
			if err := os.WriteFile(path, []byte(head+mark+want), 0o644); err != nil {
				t.Fatal(err)
			}
			table = want
		} else {
			t.Errorf("%s is not the table of the code; run with -update", path)
		}
	}
	documented := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (counter|gauge) ").FindAllStringSubmatch(table, -1) {
		documented[m[1]] = m[2]
	}
	families := scrapeOf(t, after)
	for name, kind := range documented {
		if strings.HasSuffix(name, "*") {
			continue
		}
		if f := families[name]; f == nil || !strings.EqualFold(f.GetType().String(), kind) {
			t.Errorf("%s is documented as %s, and scraped as %v", name, kind, f.GetType())
		}
	}
	for name := range families {
		// What connectors and operators report by themselves is one row.
		if strings.HasPrefix(name, "afflux_") && !strings.HasPrefix(name, connectorPrefix) && documented[name] == "" {
			t.Errorf("%s is scraped but not documented", name)
		}
	}
}

// TestBottleneckIsThatOfTheDiagnosis says nothing of what was there for a second.
func TestBottleneckIsThatOfTheDiagnosis(t *testing.T) {
	burst := func(second int) *metric.Job {
		j := after(second)
		var hot time.Duration
		if second == 10 {
			hot = 900 * time.Millisecond
		}
		j.Operators[0].Subtasks[0].Gauges = nil
		for i := range j.Operators {
			for k := range j.Operators[i].Subtasks {
				s := &j.Operators[i].Subtasks[k]
				s.Busy, s.Own, s.External, s.Blocked, s.Counters = 0, 0, 0, 0, nil
				if i < 2 {
					s.Blocked = hot
				}
				if i == 2 {
					s.Busy, s.Own = hot, hot
				}
				s.Idle = s.Wall - s.Busy - s.Blocked
			}
		}
		j.Edges[1].Blocked, j.Edges[1].Channels = hot, nil
		return j
	}
	sampler := sampledTo(burst)
	if f, ok := diagnosis.Bottleneck(metric.Between(burst(9), burst(10)), burst(10)); !ok || f.Operator != "enrich" {
		t.Fatalf("nothing presses in the last second: %+v", f)
	}
	h := routes(sampler, nil)
	if _, body := get(t, h, "/metrics"); strings.Contains(body, "afflux_job_bottleneck{") || !strings.Contains(body, "afflux_job_state{") {
		t.Error("a bottleneck of one second is scraped")
	}
	if _, body := get(t, h, "/api/v1/job"); !strings.Contains(body, `"bottleneck":null`) {
		t.Error("a bottleneck of one second is served")
	}
}

// TestNoCheckpoints has no metrics of what there is not.
func TestNoCheckpoints(t *testing.T) {
	families := scrapeOf(t, func(s int) *metric.Job {
		j := after(s)
		j.Checkpoints, j.Operators[0].Subtasks[0].Barrier = nil, nil
		return j
	})
	for _, name := range []string{"afflux_job_numberOfCompletedCheckpoints_total", "afflux_job_lastCheckpointDuration"} {
		if families[name] != nil {
			t.Errorf("%s of a job without checkpoints", name)
		}
	}
	if v, found := value(t, families, "afflux_task_checkpointAlignmentTime", "operator=clicks"); found {
		t.Errorf("alignment %v of a task without checkpoints", v)
	}
	families = scrapeOf(t, func(s int) *metric.Job {
		j := after(s)
		j.Checkpoints = &metric.Checkpoints{}
		return j
	})
	if v, found := value(t, families, "afflux_job_numberOfCompletedCheckpoints_total"); !found || v != 0 {
		t.Errorf("%v checkpoints, found %v", v, found)
	}
	if v, found := value(t, families, "afflux_job_lastCheckpointDuration"); found {
		t.Errorf("the duration %v of no checkpoint", v)
	}
}

func TestMetricsOfHostileNames(t *testing.T) {
	families := scrapeOf(t, hostile)
	for _, c := range []struct {
		name, labels string
		want         float64
	}{
		{"afflux_connector_a_b", "operator=clicks", 1},
		{"afflux_connector_x", "operator=clicks", 3},
		{"afflux_connector_x__x", "operator=clicks", 4},
		{"afflux_connector_x9", "operator=clicks", 5},
		{"afflux_connector_odd", "operator=clicks", 6},
		{"afflux_connector_own", "subtask=0,exported_subtask=7,exported_job=x,exported_exported_job=y", 7},
		{"afflux_connector_twice", "l=1,exported_l=2", 8},
		{"afflux_source_records_lag", "file=x\ufffd", 11},
		{"afflux_channel_inFlightBytes", "to=enrich#3,subtask=1", 1000},
	} {
		if got, found := value(t, families, c.name, strings.Split(c.labels, ",")...); !found || got != c.want {
			t.Errorf("%s{%s} = %v (found %v), want %v", c.name, c.labels, got, found, c.want)
		}
	}
	if _, found := value(t, families, "afflux_connector_nan"); found {
		t.Error("a gauge that is not a number")
	}
}

func TestMetricsWithoutJob(t *testing.T) {
	status, body := get(t, routes(metric.NewSampler(func() *metric.Job { return nil }), nil), "/metrics")
	if status != 200 || strings.Contains(body, "afflux_") || !strings.Contains(body, "go_goroutines") {
		t.Errorf("status %d: %.300s", status, body)
	}
}

func BenchmarkScrape(b *testing.B) {
	h := routes(sampled(large), nil)
	for b.Loop() {
		get(b, h, "/metrics")
	}
}
