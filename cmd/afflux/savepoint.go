package main

import (
	"context"
	"encoding/json/v2"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/internal/remote"
	"github.com/spf13/cobra"
)

// takeFlags are the flags of afflux savepoint and afflux checkpoint.
type takeFlags struct {
	address string
	stop    bool
	timeout time.Duration
	tls     remote.TLS
}

func newSavepointCommand() *cobra.Command {
	var f takeFlags
	cmd := &cobra.Command{
		Use:   "savepoint",
		Short: "Take a savepoint of a running job",
		Long: `Take a savepoint of a job that runs with checkpoints and serves its API, and
print where it is. A savepoint stands by itself and is never deleted: start from
it with --from after a change of the job, or with another parallelism. With --stop
the job ends then; started again, it goes on from there.

The token in AFFLUX_TOKEN is sent along. Exit status: 0 taken, 1 not taken, 2
wrong flags.`,
		Example: `  afflux savepoint --stop
  afflux run pipeline.yaml --from state/clicks/savepoint-0000000012`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.take(cmd.Context(), cmd.OutOrStdout(), "savepoints")
		},
	}
	f.register(cmd)
	cmd.Flags().BoolVar(&f.stop, "stop", false, "end the job when the savepoint is complete")
	return cmd
}

func newCheckpointCommand() *cobra.Command {
	var f takeFlags
	cmd := &cobra.Command{
		Use:   "checkpoint",
		Short: "Take a checkpoint of a running job now",
		Long: `Take a checkpoint of a job that runs with checkpoints and serves its API, without
waiting for the next one that is due, and print where it is. It is deleted when
newer ones replace it; see afflux savepoint for one that stays.

The token in AFFLUX_TOKEN is sent along. Exit status: 0 taken, 1 not taken, 2
wrong flags.`,
		Example: `  afflux checkpoint --address http://127.0.0.1:8081
  afflux checkpoint --address https://stream-7.internal:8443 --tls-ca ca.pem`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.take(cmd.Context(), cmd.OutOrStdout(), "checkpoints")
		},
	}
	f.register(cmd)
	return cmd
}

func (f *takeFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.address, "address", afflux.DefaultListen, "where the job serves its API")
	cmd.Flags().DurationVar(&f.timeout, "timeout", time.Hour, "how long to wait for it")
	f.tls.Register(cmd.Flags())
}

func (f *takeFlags) take(ctx context.Context, out io.Writer, what string) error {
	job, err := remote.At(f.address, os.Getenv(afflux.TokenVariable), f.tls)
	if err != nil {
		return exit(afflux.ExitUsage, err)
	}
	if f.timeout <= 0 {
		return exit(afflux.ExitUsage, fmt.Errorf("--timeout %v: it must be positive", f.timeout))
	}
	query := url.Values{}
	if f.stop {
		query.Set("stop", "true")
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	text, err := job.Post(ctx, what, query)
	if err != nil {
		return exit(afflux.ExitFailed, err)
	}
	var v struct {
		Path string `json:"path"`
	}
	if json.Unmarshal(text, &v) != nil || v.Path == "" {
		return exit(afflux.ExitFailed, fmt.Errorf("what answers at %s is no job of Afflux", job))
	}
	_, err = fmt.Fprintln(out, v.Path)
	return exit(afflux.ExitFailed, err)
}
