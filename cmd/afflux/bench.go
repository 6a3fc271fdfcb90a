package main

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/affluxdev/afflux/cmd/afflux/follow"
)

// newBenchCommand is afflux bench.
func newBenchCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure the engine on this machine",
		Long: `Measure the engine on this machine.

The comparisons with plain loops are in the repository: make bench.`,
		Example: `  afflux bench follow
  afflux bench checkpoint`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(newFollowCommand(), newPressureCommand())
	return c
}

func newFollowCommand() *cobra.Command {
	var (
		phase  time.Duration
		chart  string
		asJSON bool
	)
	c := &cobra.Command{
		Use:   "follow",
		Short: "Show how fast a producer follows its consumer",
		Long: `Replay the experiment on back-pressure that Flink's authors published in 2015.

A producer and a consumer are joined by 2 buffers of 4 096 bytes. The producer
is limited to 60 % of full speed; then the consumer is slowed to 30 %,
released, slowed and released. The throughput of both is sampled about every
millisecond.`,
		Example: `  afflux bench follow
  afflux bench follow --chart follow.png --phase 2s
  afflux bench follow --json --chart off`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if chart != "off" {
				if err := follow.CheckChart(chart); err != nil {
					return err
				}
			}
			if phase < follow.MinPhase {
				return fmt.Errorf("--phase %v is too short: at least %v is needed", phase, follow.MinPhase)
			}
			res, err := follow.Run(cmd.Context(), follow.Config{Phase: phase, WarmUp: time.Second})
			if err != nil {
				return exit(1, err)
			}
			if chart != "off" {
				if err := res.Chart(chart); err != nil {
					return exit(1, err)
				}
				fmt.Fprintln(cmd.ErrOrStderr(), "chart:", chart)
			}
			if !asJSON {
				return exit(1, res.Print(cmd.OutOrStdout()))
			}
			text, err := json.Marshal(res, jsontext.Multiline(true))
			if err != nil {
				return exit(1, err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), string(text))
			return exit(1, err)
		},
	}
	c.Flags().DurationVar(&phase, "phase", time.Second, "length of each of the five phases")
	c.Flags().StringVar(&chart, "chart", "follow.svg", "file of the chart, .svg or .png; off for none")
	c.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return c
}
