// Command nexmark checks the answers of Nexmark's queries against a model, and
// against the counts that Beam has published. It exits with 1 when one differs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"

	"github.com/affluxdev/afflux/bench/nexmark/check"
)

func main() {
	o := check.Options{Parallelisms: []int{1, 2, 5}, Published: true}
	flag.Int64Var(&o.Events, "events", 20_000, "events of each run; 0 for runs with failures only")
	f := check.FailureOptions{}
	flag.Int64Var(&f.Events, "failing-events", 4000, "events of each run with failures")
	flag.Uint64Var(&f.Seed, "seed", 1, "of the places where runs fail, in the first round")
	flag.Uint64Var(&f.Rounds, "rounds", 3, "rounds of runs with failures")
	only := flag.String("run", "", "check only queries whose name matches this regular expression")
	flag.Parse()
	match, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	o.Match = match
	if *only != "" {
		f.Match = match
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o, f); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o check.Options, f check.FailureOptions) (err error) {
	if o.Dir, err = os.MkdirTemp("", "nexmark-*"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(o.Dir)) }()
	passed, all, err := 0, 0, error(nil)
	if o.Events > 0 {
		if passed, all, err = check.Run(ctx, os.Stdout, o); err != nil {
			return err
		}
	}
	f.Dir = o.Dir
	recovered, tried, err := check.Failures(ctx, os.Stdout, f)
	if err != nil {
		return err
	}
	passed, all = passed+recovered, all+tried
	fmt.Printf("nexmark: %d/%d\n", passed, all)
	if passed < all || all == 0 {
		return fmt.Errorf("%d of %d checks failed", all-passed, all)
	}
	return nil
}
