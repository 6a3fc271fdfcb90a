package main

import (
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// result of a trial.
type result struct {
	rounds               int
	lost, doubled, wrong int
	records              int64
	windows              int
	at                   map[string]int // kills by step
	faults               map[string]int
}

// String is the line that the trial ends with, below the details.
func (r result) String() string {
	s := fmt.Sprintf("%d records, %d windows; killed at", r.records, r.windows)
	for _, step := range []string{stepRandom, stepState, stepManifest, stepCommit, stepDelete} {
		s += fmt.Sprintf(" %s %d", step, r.at[step])
	}
	for _, f := range []string{faultRestart, faultPause} {
		if n := r.faults[f]; n > 0 {
			s += fmt.Sprintf("; broker %s %d times", f, n)
		}
	}
	if r.wrong > 0 {
		s += fmt.Sprintf("; %d counts are wrong", r.wrong)
	}
	return s + fmt.Sprintf("\nkill: %d rounds, lost %d, doubled %d", r.rounds, r.lost, r.doubled)
}

// judge reads what is committed in the output topic and compares it with what
// was produced.
func (r *result) judge(ctx context.Context, addr string, want map[[2]int64]int64) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics(outTopic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		return err
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListCommittedOffsets(ctx, outTopic)
	if err = errors.Join(err, ends.Error()); err != nil {
		return err
	}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = o.Offset
		}
	})
	seen := map[[2]int64]int{}
	for len(left) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		fetches.EachRecord(func(m *kgo.Record) {
			if m.Offset+1 >= left[m.Partition] {
				delete(left, m.Partition)
			}
			if m.Attrs.IsControl() {
				return
			}
			var c Counted
			if err := json.Unmarshal(m.Value, &c); err != nil {
				r.wrong++
				return
			}
			k := [2]int64{c.Key, c.Start}
			if seen[k]++; seen[k] > 1 {
				r.doubled++
			} else if want[k] != c.N {
				r.wrong++
			}
		})
	}
	for k := range want {
		if seen[k] == 0 {
			r.lost++
		}
	}
	r.windows = len(want)
	return nil
}
