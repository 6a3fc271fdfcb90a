package api

import (
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/metric"
)

// series is one metric: what docs/metrics.md says of it, and how its value is
// read from V, the thing that a scope describes.
type series[V any] struct {
	name    string // without the suffix _total that counters get
	counter bool
	unit    string
	meaning string
	peer    string // the name in Flink or Kafka, "" when there is none
	value   func(v *V) (value float64, known bool)
}

// instance is one subtask of an operator in two snapshots.
type instance struct {
	before, now *metric.Subtask
	at          time.Time
	seconds     float64 // between the snapshots, 0 when there is one only
	// input is the lowest watermark of those that send to it.
	input    event.Time
	hasInput bool
	source   bool
}

// perSecond is the growth of a counter between the snapshots.
func (i *instance) perSecond(count func(*metric.Subtask) int64) (float64, bool) {
	if i.seconds <= 0 {
		return 0, true
	}
	return float64(count(i.now)-count(i.before)) / i.seconds, true
}

// msPerSecond is the share of a time in the wall time of the task between the
// snapshots, in ms per second.
func (i *instance) msPerSecond(spent func(*metric.Subtask) time.Duration) (float64, bool) {
	wall := i.now.Wall - i.before.Wall
	if wall <= 0 {
		return 0, true
	}
	return 1000 * float64(spent(i.now)-spent(i.before)) / float64(wall), true
}

func number(n int64) (float64, bool) { return float64(n), true }

func ms(d time.Duration) (float64, bool) { return float64(d) / float64(time.Millisecond), true }

func epochMs(t event.Time) (float64, bool) {
	if t == event.MinTime || t == event.MaxTime {
		return 0, false
	}
	return float64(t) / 1e6, true
}

func recordsIn(s *metric.Subtask) int64       { return s.RecordsIn }
func recordsOut(s *metric.Subtask) int64      { return s.RecordsOut }
func bytesIn(s *metric.Subtask) int64         { return s.BytesIn }
func bytesOut(s *metric.Subtask) int64        { return s.BytesOut }
func busy(s *metric.Subtask) time.Duration    { return s.Busy }
func idle(s *metric.Subtask) time.Duration    { return s.Idle }
func blocked(s *metric.Subtask) time.Duration { return s.Blocked }
func waited(s *metric.Subtask) time.Duration  { return s.External }
func own(s *metric.Subtask) time.Duration     { return s.Own }
func inState(s *metric.Subtask) time.Duration { return s.StateTime }

// taskSeries are times of a task: the operators of a chain have the same.
var taskSeries = []series[instance]{
	{"afflux_task_busyTimeMsPerSecond", false, "ms/s", "time that the task works or waits for an outside system", "Flink busyTimeMsPerSecond",
		func(i *instance) (float64, bool) { return i.msPerSecond(busy) }},
	{"afflux_task_idleTimeMsPerSecond", false, "ms/s", "time that the task waits for input", "Flink idleTimeMsPerSecond",
		func(i *instance) (float64, bool) { return i.msPerSecond(idle) }},
	{"afflux_task_backPressuredTimeMsPerSecond", false, "ms/s", "time that the task waits for credit of a receiver", "Flink backPressuredTimeMsPerSecond",
		func(i *instance) (float64, bool) { return i.msPerSecond(blocked) }},
	{"afflux_task_isBackPressured", false, "0 or 1", "1 when the task waits for credit for more than 10 % of the time", "Flink isBackPressured",
		func(i *instance) (float64, bool) {
			if v, _ := i.msPerSecond(blocked); v > 100 {
				return 1, true
			}
			return 0, true
		}},
	{"afflux_task_accumulateBusyTimeMs", true, "ms", "busy time since the start", "Flink accumulateBusyTimeMs",
		func(i *instance) (float64, bool) { return ms(i.now.Busy) }},
	{"afflux_task_accumulateIdleTimeMs", true, "ms", "idle time since the start", "Flink accumulateIdleTimeMs",
		func(i *instance) (float64, bool) { return ms(i.now.Idle) }},
	{"afflux_task_accumulateBackPressuredTimeMs", true, "ms", "blocked time since the start", "Flink accumulateBackPressuredTimeMs",
		func(i *instance) (float64, bool) { return ms(i.now.Blocked) }},
	{"afflux_task_wallTimeMs", true, "ms", "time since the start of the task: busy, idle and blocked sum to it", "",
		func(i *instance) (float64, bool) { return ms(i.now.Wall) }},
}

// operatorSeries are of the operator alone.
var operatorSeries = []series[instance]{
	{"afflux_operator_numRecordsIn", true, "records", "records received", "Flink numRecordsIn",
		func(i *instance) (float64, bool) { return number(i.now.RecordsIn) }},
	{"afflux_operator_numRecordsOut", true, "records", "records emitted", "Flink numRecordsOut",
		func(i *instance) (float64, bool) { return number(i.now.RecordsOut) }},
	{"afflux_operator_numBytesIn", true, "bytes", "bytes received", "Flink numBytesIn",
		func(i *instance) (float64, bool) { return number(i.now.BytesIn) }},
	{"afflux_operator_numBytesOut", true, "bytes", "bytes emitted", "Flink numBytesOut",
		func(i *instance) (float64, bool) { return number(i.now.BytesOut) }},
	{"afflux_operator_numRecordsInPerSecond", false, "records/s", "records received per second", "Flink numRecordsInPerSecond",
		func(i *instance) (float64, bool) { return i.perSecond(recordsIn) }},
	{"afflux_operator_numRecordsOutPerSecond", false, "records/s", "records emitted per second", "Flink numRecordsOutPerSecond",
		func(i *instance) (float64, bool) { return i.perSecond(recordsOut) }},
	{"afflux_operator_numBytesInPerSecond", false, "bytes/s", "bytes received per second", "Flink numBytesInPerSecond",
		func(i *instance) (float64, bool) { return i.perSecond(bytesIn) }},
	{"afflux_operator_numBytesOutPerSecond", false, "bytes/s", "bytes emitted per second", "Flink numBytesOutPerSecond",
		func(i *instance) (float64, bool) { return i.perSecond(bytesOut) }},
	{"afflux_operator_ownTimeMsPerSecond", false, "ms/s", "the operator's own part of the busy time of its chain, sampled", "",
		func(i *instance) (float64, bool) { return i.msPerSecond(own) }},
	{"afflux_operator_externalTimeMsPerSecond", false, "ms/s", "the part of it spent waiting for an outside system", "",
		func(i *instance) (float64, bool) { return i.msPerSecond(waited) }},
	{"afflux_operator_externalTimeMs", true, "ms", "time spent waiting for an outside system since the start", "",
		func(i *instance) (float64, bool) { return ms(i.now.External) }},
	{"afflux_operator_stateTimeMsPerSecond", false, "ms/s", "the part of it spent in keyed state, sampled; none for operators without", "",
		func(i *instance) (float64, bool) {
			v, _ := i.msPerSecond(inState)
			return v, i.now.StateTime > 0
		}},
	{"afflux_operator_callsInFlight", false, "calls", "calls to an outside system under way, mean over about a second", "",
		func(i *instance) (float64, bool) { return float64(i.now.Calls), i.now.CallLimit > 0 }},
	{"afflux_operator_callLimit", false, "calls", "the most that may be", "",
		func(i *instance) (float64, bool) { return float64(i.now.CallLimit), i.now.CallLimit > 0 }},
	{"afflux_operator_currentInputWatermark", false, "ms since 1970", "lowest watermark of those that send to it; none before the first and after the end", "Flink currentInputWatermark",
		func(i *instance) (float64, bool) {
			if !i.hasInput {
				return 0, false
			}
			return epochMs(i.input)
		}},
	{"afflux_operator_currentOutputWatermark", false, "ms since 1970", "watermark that the operator has reached; none before the first and after the end", "Flink currentOutputWatermark",
		func(i *instance) (float64, bool) { return epochMs(i.now.Watermark) }},
	{"afflux_operator_watermarkLag", false, "ms", "how far that watermark is behind the clock", "Flink watermarkLag",
		func(i *instance) (float64, bool) {
			if _, known := epochMs(i.now.Watermark); !known {
				return 0, false
			}
			return ms(i.at.Sub(i.now.Watermark.Std()))
		}},
	{"afflux_operator_numLateRecordsDropped", true, "records", "late records: kept out of their window, and sent to the side output if there is one", "Flink numLateRecordsDropped",
		func(i *instance) (float64, bool) { return number(i.now.Late) }},
	{"afflux_operator_numRecordsSkipped", true, "records", "records that a function refused and the policy skipped", "",
		func(i *instance) (float64, bool) { return number(i.now.Skipped) }},
	{"afflux_operator_numRecordsDeadLettered", true, "records", "records that went to the dead-letter sink", "",
		func(i *instance) (float64, bool) { return number(i.now.DeadLettered) }},
	{"afflux_operator_bufferedBytes", false, "bytes", "bytes held outside of the channels, as in a client's buffers", "",
		func(i *instance) (float64, bool) { return float64(i.now.Buffered), i.now.BufferedBound > 0 }},
	{"afflux_operator_bufferedBytesBound", false, "bytes", "the most that these will ever be", "",
		func(i *instance) (float64, bool) { return float64(i.now.BufferedBound), i.now.BufferedBound > 0 }},
	{"afflux_source_pendingRecords", false, "records", "records not yet read, over all partitions of the subtask", "Flink pendingRecords",
		func(i *instance) (float64, bool) { return lags(i.now, false) }},
	{"afflux_source_records_lag_max", false, "records", "the largest lag of a partition of the subtask", "Kafka records-lag-max",
		func(i *instance) (float64, bool) { return lags(i.now, true) }},
	{"afflux_source_splits", false, "splits", "splits, like files or partitions, that the subtask reads; 0 when there are too few for it", "Kafka assigned-partitions",
		func(i *instance) (float64, bool) { return float64(i.now.Splits), i.now.Splits >= 0 && i.source }},
	{"afflux_source_inputDone", false, "source's unit", "how much of a bounded input is read", "",
		func(i *instance) (float64, bool) { return float64(i.now.Done), i.now.Total > 0 }},
	{"afflux_source_inputSize", false, "source's unit", "how much there is in all", "",
		func(i *instance) (float64, bool) { return float64(i.now.Total), i.now.Total > 0 }},
}

// lags sums the lags of partitions, or takes the largest.
func lags(s *metric.Subtask, largest bool) (v float64, known bool) {
	for _, g := range s.Gauges {
		switch {
		case g.Name != "lag":
			continue
		case !known || largest && g.Value > v:
			v = g.Value
		case !largest:
			v += g.Value
		}
		known = true
	}
	return v, known
}

// inbox is the channels of one edge that lead to one subtask.
type inbox struct {
	inFlight, window, bound, sent int64
	blocked                       time.Duration
}

var channelSeries = []series[inbox]{
	{"afflux_channel_inFlightBytes", false, "bytes", "sent and not yet consumed", "Flink inputQueueSize",
		func(b *inbox) (float64, bool) { return number(b.inFlight) }},
	{"afflux_channel_windowBytes", false, "bytes", "what the receiver allows to be in flight now", "Flink debloatedBufferSize",
		func(b *inbox) (float64, bool) { return number(b.window) }},
	{"afflux_channel_boundBytes", false, "bytes", "the most that it can ever allow, but for a single batch that is larger", "",
		func(b *inbox) (float64, bool) { return number(b.bound) }},
	{"afflux_channel_sentBytes", true, "bytes", "bytes sent", "",
		func(b *inbox) (float64, bool) { return number(b.sent) }},
	{"afflux_channel_blockedTimeMs", true, "ms", "time that senders waited for credit, summed over senders; waits that still last are not in it", "",
		func(b *inbox) (float64, bool) { return ms(b.blocked) }},
}

var edgeSeries = []series[metric.Edge]{
	{"afflux_edge_blockedTimeMs", true, "ms", "time that senders waited for credit on the arrow, summed over senders; waits that still last are in it", "",
		func(e *metric.Edge) (float64, bool) { v, _ := ms(e.Blocked); return v, len(e.Channels) > 0 }},
	{"afflux_edge_hottestKeyShare", false, "0 to 1", "share of the records of late that the hottest key of a keyed arrow has; none while no key has more than 1/64", "",
		func(e *metric.Edge) (float64, bool) {
			if len(e.HotKeys) == 0 {
				return 0, false
			}
			return e.HotKeys[0].Share, true
		}},
}

var jobSeries = []series[metric.Job]{
	{"afflux_job_uptime", false, "ms", "time since the start", "Flink uptime",
		func(j *metric.Job) (float64, bool) {
			return float64(j.At.Sub(j.Started).Milliseconds()), !j.Started.IsZero()
		}},
	{"afflux_job_numRestarts", true, "restarts", "restarts after a failure", "Flink numRestarts",
		func(j *metric.Job) (float64, bool) { return number(int64(j.Restarts)) }},
	{"afflux_job_inFlightBytes", false, "bytes", "bytes held in channels, scratch batches and buffers of connectors", "",
		func(j *metric.Job) (float64, bool) { return number(j.InFlightBytes) }},
	{"afflux_job_inFlightBoundBytes", false, "bytes", "the most that these can be", "",
		func(j *metric.Job) (float64, bool) { return number(j.BoundBytes) }},
	{"afflux_job_peakInFlightBytes", false, "bytes", "the largest value sampled", "",
		func(j *metric.Job) (float64, bool) { return number(j.PeakInFlightBytes) }},
	{"afflux_process_cpuTimeMs", true, "ms", "processor time that the process has used, all of its jobs together", "",
		func(j *metric.Job) (float64, bool) { return float64(j.Process.CPU.Milliseconds()), j.Process.CPU > 0 }},
	{"afflux_process_gcTimeMs", true, "ms", "the part of it that collecting garbage took from others; moves with each collection", "",
		func(j *metric.Job) (float64, bool) { return float64(j.Process.GC.Milliseconds()), j.Process.CPU > 0 }},
	{"afflux_process_processors", false, "processors", "how many it can use at a time", "",
		func(j *metric.Job) (float64, bool) {
			return float64(j.Process.Processors), j.Process.Processors > 0
		}},
	{"afflux_process_heapBytes", false, "bytes", "memory that objects take", "Flink Memory.Heap.Used",
		func(j *metric.Job) (float64, bool) { return float64(j.Process.HeapBytes), j.Process.HeapBytes > 0 }},
	{"afflux_process_memoryLimitBytes", false, "bytes", "what the Go runtime was told to stay under (GOMEMLIMIT); none without a limit", "Flink Memory.Heap.Max",
		func(j *metric.Job) (float64, bool) { return float64(j.Process.LimitBytes), j.Process.LimitBytes > 0 }},
}
