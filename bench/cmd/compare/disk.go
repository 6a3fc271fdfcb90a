package main

import (
	"fmt"
	"os"
	"regexp"
	"text/tabwriter"

	"github.com/affluxdev/afflux/bench"
)

const (
	diskName   = "state on disk, 10 M keys"
	diskKeys   = 10_000_000
	diskBudget = 256 << 20
	diskMust   = 150_000 // updates a second
)

// onDisk measures state that is larger than its memory, and tells whether it
// is fast enough.
func onDisk(w *tabwriter.Writer, match *regexp.Regexp, updates int) (ok bool, err error) {
	if !match.MatchString(diskName) {
		return true, nil
	}
	if updates == 0 {
		updates = diskKeys
	}
	d, err := bench.MeasureDisk(os.TempDir(), diskBudget, diskKeys, updates)
	if err != nil {
		return false, err
	}
	const mb = 1 << 20
	verdict := ""
	if ok = d.Update.Rate >= diskMust; !ok {
		verdict = " MISSED"
	}
	fmt.Fprintln(w, "\n"+diskName+"\tinserts k/s\tµs of CPU\tupdates k/s\tµs of CPU\tmust\tbudget MB\tpeak of process MB\theld MB\tfiles MB\tin memory k/s\tµs of CPU\theld MB\tratio")
	fmt.Fprintf(w, "\t%.0f\t%.2f\t%.0f\t%.2f\t%d%s\t%d\t%d\t%d\t%d\t%.0f\t%.2f\t%d\t%.4f\n",
		d.Load.Rate/1e3, d.Load.CPU.Seconds()*1e6, d.Update.Rate/1e3, d.Update.CPU.Seconds()*1e6, diskMust/1000, verdict,
		d.Budget/mb, d.Peak/mb, d.Held/mb, d.Stored/mb, d.Raw.Rate/1e3, d.Raw.CPU.Seconds()*1e6, d.RawHeld/mb, d.Update.Rate/d.Raw.Rate)
	return ok, w.Flush()
}
