// Command compare runs the comparisons of package bench and prints one table.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime/pprof"
	"text/tabwriter"

	"github.com/affluxdev/afflux/bench"
)

func main() {
	reps := flag.Int("reps", 5, "repetitions of each comparison")
	must := flag.Bool("must", false, "exit with 1 when a ratio that must be reached is not, in the best repetition")
	only := flag.String("run", "", "compare only paths whose name matches this regular expression")
	profile := flag.String("cpuprofile", "", "write a CPU profile of the engine's runs to this file; the loops are then not run")
	flag.Parse()
	match, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if *profile != "" {
		err = profiled(*profile, match, *reps)
	} else {
		err = compared(match, *reps, *must)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func profiled(path string, match *regexp.Regexp, reps int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	for _, p := range bench.Paths {
		if !match.MatchString(p.Name) {
			continue
		}
		for range reps {
			if _, err := p.Engine(context.Background(), p.Records); err != nil {
				return err
			}
		}
	}
	return nil
}

func compared(match *regexp.Regexp, reps int, must bool) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "path\tagainst\tloop M/s\tengine M/s\tratio\tmin..max\tcontrol\tmust\taim\tallocs/record\tB/record")
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
		fmt.Fprintf(w, "%s\t%s\t%.1f\t%.1f\t%.3f\t%.3f..%.3f\t%.2f\t%s%s\t%s\t%.5f\t%.2f\n", r.Name, r.Against,
			r.RawRate.Median/1e6, r.Rate.Median/1e6, r.Ratio.Median, r.Ratio.Min, r.Ratio.Max, r.Control.Median,
			goal(r.Must), verdict, goal(r.Aim), r.Allocs, r.AllocBytes)
		w.Flush()
	}
	if must && missed > 0 {
		return fmt.Errorf("%d ratios were not reached", missed)
	}
	return nil
}

func goal(x float64) string {
	if x == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3g", x)
}
