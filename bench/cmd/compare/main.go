// Command compare runs the comparisons of package bench and prints one table.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime/pprof"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/affluxdev/afflux/bench"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == workerArgument {
		if err := worker(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	reps := flag.Int("reps", 9, "repetitions of each comparison")
	must := flag.Bool("must", false, "exit with 1 when a ratio that must be reached is not, by the best repetitions")
	records := flag.Int("records", 0, "records of each run; 0 for what suits each path")
	only := flag.String("run", "", "compare only paths whose name matches this regular expression")
	profile := flag.String("cpuprofile", "", "write a CPU profile of the engine's runs to this file; the loops are then not run")
	flag.Parse()
	if *records > 0 {
		for i := range bench.Paths {
			bench.Paths[i].Records = *records
		}
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if *profile != "" {
		err = profiled(*profile, match, *reps, *records)
	} else {
		err = compared(match, *reps, *records, *must)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func profiled(path string, match *regexp.Regexp, reps, records int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	if match.MatchString(diskName) {
		if _, err := bench.MeasureDisk(os.TempDir(), diskBudget, diskKeys, cmp.Or(records, diskKeys)); err != nil {
			return err
		}
	}
	paths := slices.DeleteFunc(slices.Clone(bench.Paths), func(p bench.Path) bool { return !match.MatchString(p.Name) })
	for _, h := range counted(match) {
		paths = append(paths, h.Path(os.TempDir(), time.Second, &bench.Checkpointed{}))
	}
	for _, p := range paths {
		for range reps {
			if _, err := p.Engine(context.Background(), p.Records); err != nil {
				return err
			}
		}
	}
	return nil
}

func compared(match *regexp.Regexp, reps, records int, must bool) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "path\tagainst\tloop M/s\tengine M/s\tratio\tmin..max\tbest/best\tby CPU time\tcontrol\tmust\taim\tallocs/record\tB/record")
	missed := 0
	for _, p := range bench.Paths {
		if !match.MatchString(p.Name) {
			continue
		}
		r, err := bench.Compare(context.Background(), p, reps)
		if err != nil {
			return err
		}
		verdict := ""
		if !r.OK() {
			missed++
			verdict = " MISSED"
		}
		fmt.Fprintf(w, "%s\t%s\t%.1f\t%.1f\t%.3f\t%.3f..%.3f\t%.3f\t%.3f\t%.2f\t%s%s\t%s\t%.5f\t%.2f\n", r.Name, r.Against,
			r.RawRate.Median/1e6, r.Rate.Median/1e6, r.Ratio.Median, r.Ratio.Min, r.Ratio.Max, r.Best, r.Work.Median, r.Control.Median,
			goal(r.Must), verdict, goal(r.Aim), r.Allocs, r.AllocBytes)
		if err := w.Flush(); err != nil {
			return err
		}
	}
	if err := latencies(w, match); err != nil {
		return err
	}
	cheap, err := checkpoints(w, match, reps, records)
	if err != nil {
		return err
	}
	missed += cheap
	slow, err := recoveries(w, match, reps)
	if err != nil {
		return err
	}
	missed += slow
	fast, err := onDisk(w, match, records)
	if err != nil {
		return err
	}
	if !fast {
		missed++
	}
	if must && missed > 0 {
		return fmt.Errorf("%d goals were not reached", missed)
	}
	return nil
}

// latencies measures at fixed rates; p99 must be at most a millisecond.
func latencies(w *tabwriter.Writer, match *regexp.Regexp) error {
	const name = "latency, 3 stages"
	if !match.MatchString(name) {
		return nil
	}
	fmt.Fprintln(w, "\n"+name+"\trecords/s\tp50\tp99\tp99.9\tmax")
	for _, rate := range []int{100_000, 1_000_000} {
		var best *bench.Latency
		for range 3 {
			l, err := bench.MeasureLatency(context.Background(), rate, 2*time.Second)
			if err != nil {
				return err
			}
			if best == nil || l.P99 < best.P99 {
				best = l
			}
		}
		fmt.Fprintf(w, "best of 3\t%d\t%v\t%v\t%v\t%v\n", rate, best.P50, best.P99, best.P999, best.Max)
	}
	return w.Flush()
}

func goal(x float64) string {
	if x == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3g", x)
}
