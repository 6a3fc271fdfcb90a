package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/affluxdev/afflux/bench"
)

const (
	costName    = "checkpoint cost"
	stopName    = "checkpoint stops"
	costMust    = 0.95
	stopRecords = 10_000_000
	stopMust    = 5 * time.Millisecond
)

// pairsPerRepetition are the pairs of slices, of 4 s, that are as long as a repetition
// of other comparisons.
const pairsPerRepetition = 2

// checkpoints measures what they cost, and returns how many goals were missed.
func checkpoints(w *tabwriter.Writer, match *regexp.Regexp, reps, records int) (missed int, err error) {
	ctx := context.Background()
	verdict := func(ok bool) string {
		if ok {
			return ""
		}
		missed++
		return " MISSED"
	}
	if jobs := counted(match); len(jobs) > 0 {
		fmt.Fprintln(w, "\n"+costName+"\twithout M/s\twith M/s\tratio\t± its error\tmedian\tby CPU time\tpairs\tmust\t"+takenHead)
		for _, h := range jobs {
			s, err := h.Slices(ctx, os.TempDir(), time.Second, pairsPerRepetition*reps)
			if err != nil {
				return missed, err
			}
			fmt.Fprintf(w, "%s, one each second\t%.2f\t%.2f\t%.3f\t%.3f\t%.3f\t%.3f\t%d\t%.2f%s\t%s\n", h.Name, s.Without/1e6, s.With/1e6,
				s.Mean, s.Error, s.Rate.Median, s.Work.Median, s.Pairs, costMust, verdict(s.Mean >= costMust), seen(s.Taken))
			if err := w.Flush(); err != nil {
				return missed, err
			}
		}
	}
	if match.MatchString(stopName) {
		without, with, err := bench.MeasureStops(ctx, os.TempDir(), cmp.Or(records, stopRecords), reps, time.Second)
		if err != nil {
			return missed, err
		}
		fmt.Fprintln(w, "\n"+stopName+", 1 M keys\tmust ms\tmedian gap ms\tlongest\twithout: median gap ms\tlongest\t"+takenHead)
		fmt.Fprintf(w, "states of a process function\t%.0f%s\t%.2f\t%.2f\t%.2f\t%.2f\t%s\n", ms(stopMust), verdict(with.Taken.Sync <= stopMust),
			ms(with.Median), ms(with.Max), ms(without.Median), ms(without.Max), seen(with.Taken))
		if err := w.Flush(); err != nil {
			return missed, err
		}
	}
	return missed, nil
}

// counted are the jobs whose cost is asked for, all by costName.
func counted(match *regexp.Regexp) []bench.Counted {
	return slices.DeleteFunc(slices.Clone(bench.CountedJobs), func(c bench.Counted) bool { return !match.MatchString(costName + ": " + c.Name) })
}

const takenHead = "checkpoints\tfailed\tMB\tlongest: stop ms\twriting\talignment\tall"

func seen(t bench.Checkpointed) string {
	return fmt.Sprintf("%d\t%d\t%.1f\t%.2f\t%.0f\t%.0f\t%.0f", t.Taken, t.Failed, float64(t.Bytes)/1e6, ms(t.Sync), ms(t.Async), ms(t.Alignment), ms(t.Duration))
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
