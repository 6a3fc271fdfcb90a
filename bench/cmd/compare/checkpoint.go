package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/affluxdev/afflux/bench"
)

const (
	costName    = "checkpoint cost"
	stopName    = "checkpoint stops"
	stopRecords = 10_000_000
	stopMust    = 5 * time.Millisecond
)

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
	if match.MatchString(costName) {
		fmt.Fprintln(w, "\n"+costName+"\tagainst\twithout M/s\twith M/s\tratio\tmin..max\tbest/best\tby CPU time\tcontrol\tmust\tCPU ms each\tshare of CPU\t"+takenHead)
		for _, h := range bench.CountedJobs {
			var taken bench.Checkpointed
			h.Records = cmp.Or(records, h.Records)
			c, err := bench.Compare(ctx, h.Path(os.TempDir(), time.Second, &taken), reps)
			if err != nil {
				return missed, err
			}
			each := (c.Busy.Median - c.RawBusy.Median) / float64(taken.Taken) * float64(reps+1)
			fmt.Fprintf(w, "%s\t%s\t%.2f\t%.2f\t%.3f\t%.3f..%.3f\t%.3f\t%.3f\t%.2f\t%.2f%s\t%.0f\t%.1f %%\t%s\n", c.Name, c.Against,
				c.RawRate.Median/1e6, c.Rate.Median/1e6, c.Ratio.Median, c.Ratio.Min, c.Ratio.Max, c.Best, c.Work.Median, c.Control.Median, c.Must, verdict(c.OK()),
				each*1e3, each/float64(runtime.GOMAXPROCS(0))*100, seen(taken))
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

const takenHead = "checkpoints\tfailed\tMB\tlongest: stop ms\twriting\talignment\tall"

func seen(t bench.Checkpointed) string {
	return fmt.Sprintf("%d\t%d\t%.1f\t%.2f\t%.0f\t%.0f\t%.0f", t.Taken, t.Failed, float64(t.Bytes)/1e6, ms(t.Sync), ms(t.Async), ms(t.Alignment), ms(t.Duration))
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
