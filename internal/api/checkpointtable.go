package api

import "github.com/affluxdev/afflux/internal/metric"

// checkpointSeries are of a job that takes checkpoints.
var checkpointSeries = []series[metric.Checkpoints]{
	{"afflux_job_checkpointInterval", false, "ms", "from the beginning of one checkpoint to that of the next, as configured; none if they are taken on demand only", "",
		func(c *metric.Checkpoints) (float64, bool) { v, _ := ms(c.Interval); return v, c.Interval > 0 }},
	{"afflux_job_numberOfCompletedCheckpoints", true, "checkpoints", "checkpoints and savepoints that are complete, over all restarts", "Flink numberOfCompletedCheckpoints",
		func(c *metric.Checkpoints) (float64, bool) { return number(c.Completed) }},
	{"afflux_job_numberOfFailedCheckpoints", true, "checkpoints", "those that were given up", "Flink numberOfFailedCheckpoints",
		func(c *metric.Checkpoints) (float64, bool) { return number(c.Failed) }},
	{"afflux_job_numberOfInProgressCheckpoints", false, "0 or 1", "those under way", "Flink numberOfInProgressCheckpoints",
		func(c *metric.Checkpoints) (float64, bool) { return number(c.InProgress) }},
	{"afflux_job_lastCompletedCheckpointId", false, "number", "the last one that is complete", "Flink lastCompletedCheckpointId",
		last(func(c *metric.Checkpoint) (float64, bool) { return number(c.ID) })},
	{"afflux_job_lastCheckpointCompletedTimestamp", false, "ms since 1970", "when it became complete: `time() * 1000 -` this is its age", "",
		last(func(c *metric.Checkpoint) (float64, bool) { return number(c.Ended.UnixMilli()) })},
	{"afflux_job_lastCheckpointDuration", false, "ms", "from the first barrier until it was stored and committed", "Flink lastCheckpointDuration",
		last(func(c *metric.Checkpoint) (float64, bool) { return ms(c.Duration) })},
	{"afflux_job_lastCheckpointSize", false, "bytes", "what was written for it, without files shared with an earlier one", "Flink lastCheckpointSize",
		last(func(c *metric.Checkpoint) (float64, bool) { return number(c.Bytes) })},
	{"afflux_job_lastCheckpointPersistedData", false, "bytes", "records in flight that are part of it, since barriers overtook them", "Flink lastCheckpointPersistedData",
		last(func(c *metric.Checkpoint) (float64, bool) { return number(c.InFlight) })},
	{"afflux_job_lastCheckpointSyncTime", false, "ms", "the longest that a subtask stood still for it", "",
		last(func(c *metric.Checkpoint) (float64, bool) { return ms(c.MaxSync) })},
	{"afflux_job_lastCheckpointRestoreTimestamp", false, "ms since 1970", "when the job last went on from a checkpoint; none if it began afresh", "Flink lastCheckpointRestoreTimestamp",
		func(c *metric.Checkpoints) (float64, bool) {
			if c.Restored == nil {
				return 0, false
			}
			return number(c.Restored.At.UnixMilli())
		}},
}

// last reads a value of the last checkpoint.
func last(value func(*metric.Checkpoint) (float64, bool)) func(*metric.Checkpoints) (float64, bool) {
	return func(c *metric.Checkpoints) (float64, bool) {
		if c.Last == nil {
			return 0, false
		}
		return value(c.Last)
	}
}

// barrierSeries are of a task in the last complete checkpoint.
var barrierSeries = []series[metric.Barrier]{
	{"afflux_task_checkpointStartDelayNanos", false, "ns", "from the beginning of the last checkpoint until its barrier was known here", "Flink checkpointStartDelayNanos",
		func(b *metric.Barrier) (float64, bool) { return number(int64(b.StartDelay)) }},
	{"afflux_task_checkpointAlignmentTime", false, "ns", "how long the task then waited for the barrier on its other channels", "Flink checkpointAlignmentTime",
		func(b *metric.Barrier) (float64, bool) { return number(int64(b.Alignment)) }},
}
