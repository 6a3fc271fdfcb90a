package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/affluxdev/afflux"
	"github.com/spf13/cobra"
)

// exitError is an error with the exit code it asks for.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// exit gives an error an exit code; without one a command that fails after its
// flags were understood exits with 1.
func exit(code int, err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code: code, err: err}
}

// execute runs a command line and returns the exit code.
func execute(ctx context.Context, args []string) int {
	root := newRootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return afflux.ExitDone
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(os.Stderr, "error:", text)
	}
	var e *exitError
	if errors.As(err, &e) {
		return e.code
	}
	return afflux.ExitUsage
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "afflux",
		Short: "Stream processing with flow control at its centre",
		Long: `Afflux runs streaming pipelines in one process. Every arrow between operators
is bounded in bytes: a slow operator stops its sources in milliseconds, memory
stays within its bound, nothing is lost, and the operator to blame is named.

Exit status: 0 done, 1 the job failed, 2 wrong flags or a wrong pipeline.`,
		Example: `  afflux demo                              watch a pipeline survive a tenfold spike
  afflux run examples/flight-delays.yaml   run a pipeline
  afflux lint examples/*.yaml              check pipelines without running them
  afflux doctor                            say what holds a running job up
  afflux savepoint --stop                  end a job, to go on from there later
  afflux broker --data-dir ./log           a Kafka-protocol log for development
  afflux bench follow                      how fast a producer follows its consumer`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(newDemoCommand(), newRunCommand(), newLintCommand(), newDoctorCommand(), newSavepointCommand(), newCheckpointCommand(), newBrokerCommand(), newBenchCommand())
	return root
}
