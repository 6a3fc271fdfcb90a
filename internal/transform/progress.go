package transform

import (
	"encoding/json/v2"
	"fmt"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
)

// progressName is the blob of what an operator remembers beside the states of
// keys: how far it is in event time. docs/checkpoint-format.md has its fields.
const progressName = "progress"

// keepProgress hands a small struct over.
func keepProgress[P any](s state.Snapshot, p *P) error {
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	s.Blob(progressName, data)
	return nil
}

// kept reads the progress of subtasks by one of the methods of a restoration.
func kept[P any](blobs func(string, func(int, []byte) error) error) (subtasks []int, all []P, err error) {
	err = blobs(progressName, func(subtask int, data []byte) error {
		var p P
		if err := json.Unmarshal(data, &p); err != nil {
			return fmt.Errorf("the progress of subtask %d is damaged: %w", subtask, err)
		}
		subtasks, all = append(subtasks, subtask), append(all, p)
		return nil
	})
	return subtasks, all, err
}

// reached is the progress of operators that need only an event time: their
// watermark, or the largest time that they have seen.
type reached struct {
	Time event.Time `json:"time"`
}

// reachedBefore is the event time that a subtask had reached, MinTime if there
// is none. Where the parallelism has changed it is the lowest of all: no record
// that is still to come is late by it that was not.
func reachedBefore(ctx operator.Context, r state.Restoration) (event.Time, error) {
	subtasks, all, err := kept[reached](r.Everyone)
	if err != nil || len(all) == 0 {
		return event.MinTime, err
	}
	index, parallelism := ctx.Subtask()
	lowest := event.MaxTime
	for i, p := range all {
		if subtasks[i] == index && len(all) == parallelism {
			return p.Time, nil
		}
		lowest = min(lowest, p.Time)
	}
	return lowest, nil
}
