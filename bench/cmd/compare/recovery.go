package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/affluxdev/afflux/bench"
)

const (
	recoveryName = "recovery, 1 M keys"
	recoveryKeys = 1_000_000
	recoveryMust = 3 * time.Second

	// workerArgument is the first of a process that recovers; after it comes the
	// place of the state, and its directory.
	workerArgument = "recover"
	firstLine      = "first record"
)

// recoveries measures the time from the start of a process to the first record
// of a job that goes on from a checkpoint, and returns how many goals were
// missed.
func recoveries(w *tabwriter.Writer, match *regexp.Regexp, reps int) (missed int, err error) {
	if !match.MatchString(recoveryName) {
		return 0, nil
	}
	fmt.Fprintln(w, "\n"+recoveryName+"\tcheckpoint MB\twritten in ms\tfirst record after ms, median\tlongest\tof it finding and reading ms\tmust")
	for _, place := range []string{"memory", "disk"} {
		if err := recovered(w, place, reps, &missed); err != nil {
			return missed, err
		}
	}
	return missed, w.Flush()
}

func recovered(w *tabwriter.Writer, place string, reps int, missed *int) (err error) {
	dir, err := os.MkdirTemp("", "afflux-bench-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	kept, err := job(place, dir).Fill(context.Background())
	if err != nil {
		return err
	}
	var firsts, reads []time.Duration
	for range reps {
		first, read, err := process(place, dir)
		if err != nil {
			return err
		}
		firsts, reads = append(firsts, first), append(reads, read)
	}
	verdict := ""
	if slices.Min(firsts) > recoveryMust {
		*missed++
		verdict = " MISSED"
	}
	_, err = fmt.Fprintf(w, "state: %s\t%.1f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f%s\n", place, float64(kept.Bytes)/1e6, ms(kept.Duration),
		ms(median(firsts)), ms(slices.Max(firsts)), ms(median(reads)), ms(recoveryMust), verdict)
	return err
}

func median(all []time.Duration) time.Duration { return slices.Sorted(slices.Values(all))[len(all)/2] }

func job(place, dir string) bench.Recovery {
	return bench.Recovery{Dir: dir, Disk: place == "disk", Keys: recoveryKeys}
}

// process recovers the job in a new process.
func process(place, dir string) (first, read time.Duration, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, 0, err
	}
	cmd := exec.Command(self, workerArgument, place, dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if lines.Text() == firstLine {
			first = time.Since(began)
			continue
		}
		if read, err = time.ParseDuration(strings.TrimSpace(lines.Text())); err != nil {
			break
		}
	}
	if err := errors.Join(err, lines.Err(), cmd.Wait()); err != nil {
		return 0, 0, err
	}
	if first == 0 {
		return 0, 0, errors.New("the job has not gone on")
	}
	return first, read, nil
}

// worker is the process that recovers.
func worker(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: compare %s memory|disk directory", workerArgument)
	}
	read, err := job(args[0], args[1]).Recover(context.Background(), func() { fmt.Println(firstLine) })
	if err == nil {
		fmt.Println(read)
	}
	return err
}
