package api

// namedGauge is what docs/metrics.md says of a gauge that connectors or operators of
// ours publish under connectorPrefix.
type namedGauge struct{ name, unit, meaning, peer string }

const ofPartition = "; labels `topic` and `partition`"

var gaugeRows = []namedGauge{
	{"state_keys", "keys", "keys with state; those in several windows as often", ""},
	{"state_bytes", "bytes", "memory that keyed state takes", ""},
	{"state_access_ns", "ns", "time to look up the state of a key, sampled", "Flink valueStateGetLatency"},
	{"state_entries", "entries", "entries of one state of a process function; label `state`", ""},
	{"timers", "timers", "timers that are set", ""},
	{"in_flight_calls", "calls", "calls under way or with results that wait for their turn", ""},
	{"in_flight_bytes", "bytes", "memory of their records and results", ""},
	{"oldest_unread_age_seconds", "s", "age, by its timestamp, of the record of a partition that was read last, while there are others to read; else 0" + ofPartition, ""},
	{"retention_headroom_records", "records", "distance from the beginning of a partition to where it is read" + ofPartition, "Kafka records-lead"},
	{"retention_seconds", "s", "how long records of a partition are kept; none where no age deletes them, or the brokers do not tell" + ofPartition, ""},
}

func gaugeTable(row func(name, kind, unit, meaning, peer string)) {
	for _, g := range gaugeRows {
		row(connectorPrefix+g.name, "gauge", g.unit, g.meaning, g.peer)
	}
}
