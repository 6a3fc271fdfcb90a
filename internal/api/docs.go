package api

import (
	"fmt"
	"strconv"
	"strings"
)

// Metrics whose labels are not those of a table.
const (
	stateName       = "afflux_job_state"
	stateHelp       = "1 for the state that the job is in: created, running, restarting, draining, finished, suspended, failed or cancelled"
	bottleneckName  = "afflux_job_bottleneck"
	bottleneckHelp  = "1 for the operator that limits the job most, or none for the whole process, with the cause, as the diagnosis has it; absent when nothing does"
	findingName     = "afflux_job_finding"
	findingHelp     = "1 for each thing that the diagnosis has found: the operator, the cause, and whether it is critical, a warning or a note"
	counterName     = "afflux_operator_counter_total"
	counterHelp     = "a counter of the operator's own, like retries or throttled calls, by name"
	lagName         = "afflux_source_records_lag"
	lagHelp         = "records of one partition that are not yet read"
	connectorPrefix = "afflux_connector_"
	connectorHelp   = "a gauge of the connector's own"
)

func itoa(n int) string { return strconv.Itoa(n) }

// MetricsTable is the table of docs/metrics.md: every metric of a job with
// its type, unit, meaning, and name elsewhere.
func MetricsTable() string {
	var b strings.Builder
	section := func(title, labels string) {
		fmt.Fprintf(&b, "\n## %s\n\nLabels: %s.\n\n| metric | type | unit | meaning | known as |\n|---|---|---|---|---|\n", title, labels)
	}
	row := func(name, kind, unit, meaning, peer string) {
		if peer == "" {
			peer = "-"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", name, kind, unit, meaning, peer)
	}
	const subtask = "`job`, `task`, `operator`, `subtask`"
	section("Job", "`job`")
	rows(row, jobSeries)
	row(stateName, "gauge", "0 or 1", stateHelp+"; label `state`", "")
	row(bottleneckName, "gauge", "0 or 1", bottleneckHelp+"; labels `operator`, `cause`", "")
	latencyRows(row)
	row(findingName, "gauge", "0 or 1", findingHelp+"; labels `operator`, `cause`, `severity`", "")
	section("Checkpoints", "`job`")
	rows(row, checkpointSeries)
	section("Task", subtask)
	rows(row, taskSeries)
	rows(row, barrierSeries)
	section("Operator", subtask)
	rows(row, operatorSeries)
	row(lagName, "gauge", "records", lagHelp+"; labels of the source, for Kafka `topic` and `partition`", "Kafka records-lag")
	row(counterName, "counter", "events", counterHelp+"; label `name`", "")
	gaugeTable(row)
	row(connectorPrefix+"*", "gauge", "connector's unit", connectorHelp+", with its own labels, beyond those above", "")
	section("Channel", "`job`, `from`, `to` (operators), `subtask` (of the receiver)")
	rows(row, channelSeries)
	section("Edge", "`job`, `from`, `to` (operators)")
	rows(row, edgeSeries)
	return b.String()
}

func rows[V any](row func(name, kind, unit, meaning, peer string), table []series[V]) {
	for _, s := range table {
		kind := "gauge"
		if s.counter {
			kind = "counter"
		}
		row(s.fullName(), kind, s.unit, s.meaning, s.peer)
	}
}
