package main

import (
	jsonv1 "encoding/json"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/affluxdev/afflux/cmd/afflux/pressure"
)

func newPressureCommand() *cobra.Command {
	var (
		cfg    pressure.Config
		asJSON bool
	)
	c := &cobra.Command{
		Use:   "checkpoint",
		Short: "Show how long checkpoints take under pressure",
		Long: `Measure checkpoints of a job with two exchanges whose sink takes a fixed number of
records a second while the source could send without end: beside an idle job, with
the usual window of 100 ms, with one of 10 s where barriers stay behind the
records, and with one of 10 s where they overtake them after 100 ms.`,
		Example: `  afflux bench checkpoint
  afflux bench checkpoint --count 100 --dir /mnt/disk --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if cfg.Count < 1 || !(cfg.Rate > 0) {
				return errors.New("--count and --rate must be more than 0")
			}
			if cfg.Dir, err = os.MkdirTemp(cfg.Dir, "afflux-bench-"); err != nil {
				return exit(1, fmt.Errorf("no directory for the checkpoints: %w; name another with --dir", err))
			}
			defer func() { err = errors.Join(err, os.RemoveAll(cfg.Dir)) }()
			cfg.Progress = func(what string) { fmt.Fprintln(cmd.ErrOrStderr(), "measuring:", what) }
			res, err := pressure.Run(cmd.Context(), cfg)
			if err != nil {
				return exit(1, err)
			}
			if !asJSON {
				return exit(1, res.Print(cmd.OutOrStdout()))
			}
			text, err := json.Marshal(res, jsontext.Multiline(true), jsonv1.FormatDurationAsNano(true))
			if err != nil {
				return exit(1, err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), string(text))
			return exit(1, err)
		},
	}
	c.Flags().IntVar(&cfg.Count, "count", 30, "checkpoints of each case")
	c.Flags().Float64Var(&cfg.Rate, "rate", 20_000, "records a second that the sink takes")
	c.Flags().StringVar(&cfg.Dir, "dir", "", "where to keep the checkpoints meanwhile (default: the directory for temporary files)")
	c.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return c
}
