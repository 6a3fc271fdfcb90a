package main

import (
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/spf13/cobra"
)

// takeFlags are the flags of afflux savepoint and afflux checkpoint.
type takeFlags struct {
	address string
	stop    bool
	timeout time.Duration
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
		Example: `  afflux checkpoint --address http://127.0.0.1:8081`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.take(cmd.Context(), cmd.OutOrStdout(), "checkpoints")
		},
	}
	f.register(cmd)
	return cmd
}

func (f *takeFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.address, "address", "http://"+afflux.DefaultListen, "where the job serves its API")
	cmd.Flags().DurationVar(&f.timeout, "timeout", time.Hour, "how long to wait for it")
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

func (f *takeFlags) take(ctx context.Context, out io.Writer, what string) error {
	address := f.address
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return exit(afflux.ExitUsage, fmt.Errorf("--address %s: write something like http://%s", f.address, afflux.DefaultListen))
	}
	if f.timeout <= 0 {
		return exit(afflux.ExitUsage, fmt.Errorf("--timeout %v: it must be positive", f.timeout))
	}
	u = u.JoinPath("api", "v1", what)
	if f.stop {
		u.RawQuery = "stop=true"
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	path, err := ask(ctx, u.String())
	if err != nil {
		return exit(afflux.ExitFailed, err)
	}
	_, err = fmt.Fprintln(out, path)
	return exit(afflux.ExitFailed, err)
}

// ask posts and returns the path in the answer.
func ask(ctx context.Context, address string) (path string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/json")
	if token := os.Getenv(afflux.TokenVariable); token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		return "", fmt.Errorf("no job answers: %w; is it running, with --listen at that address?", err)
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return "", fmt.Errorf("the answer of the job breaks off: %w", err)
	}
	var v struct {
		Path string `json:"path"`
	}
	switch {
	case answer.StatusCode != http.StatusOK:
		return "", fmt.Errorf("%s: %s", answer.Status, strings.TrimSpace(string(text)))
	case json.Unmarshal(text, &v) != nil || v.Path == "":
		return "", fmt.Errorf("what answers at %s is no job of Afflux", address)
	}
	return v.Path, nil
}
