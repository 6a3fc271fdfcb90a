package afflux

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/affluxdev/afflux/internal/doctor"
	"github.com/spf13/cobra"

	"github.com/affluxdev/afflux/internal/api"
)

// Main makes a command of a job and runs it: it parses the flags of the
// process, runs the job with Execute and exits with 0 when it has ended, 1 when
// it failed, 2 on wrong flags. With "doctor" as the first argument it asks a job
// that runs what holds it up, as afflux doctor does.
func Main(j *Job) { os.Exit(Command(context.Background(), j, os.Args[1:])) }

// Exit codes of commands.
const (
	ExitDone   = 0 // the job ended, or was drained
	ExitFailed = 1 // the job failed
	ExitUsage  = 2 // wrong flags, or a pipeline that cannot run
)

// Command runs a job with the given command line and returns the exit code.
func Command(ctx context.Context, j *Job, args []string) int {
	code := ExitUsage
	o := ExecuteOptions{}
	parallelism, from, unclaimed := 0, "", false
	cmd := &cobra.Command{
		Use:   filepath.Base(os.Args[0]),
		Short: "Run the job " + j.name,
		Long: fmt.Sprintf(`Run the job %q until its input ends or it is interrupted.

The first interrupt (Ctrl-C) drains: what was read is delivered. A job with
checkpoints takes one instead, and goes on from it when it is started again. A
second interrupt stops at once. Exit status: 0 done, 1 the job failed, 2 wrong flags.`, j.name),
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			code = ExitFailed
			o.ListenIfFree = !cmd.Flags().Changed("listen")
			if cmd.Flags().Changed("parallelism") {
				j.Set(OverrideParallelism(parallelism))
			}
			if cmd.Flags().Changed("from") || unclaimed {
				j.Set(StartFrom(from, unclaimed))
			}
			err := Execute(ctx, j, o)
			if errors.Is(err, api.ErrTLS) || errors.Is(err, api.ErrAddress) {
				code = ExitUsage
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Listen, "listen", DefaultListen, "address of the page, the metrics and the API, or off")
	f.StringVar(&o.TLSCert, "tls-cert", "", "serve them with TLS: PEM file of the certificate and its chain")
	f.StringVar(&o.TLSKey, "tls-key", "", "PEM file of its key")
	f.StringVar(&o.TLSClientCA, "tls-client-ca", "", "PEM file of the authorities that must have signed a client's certificate")
	f.BoolVar(&o.ShowValues, "show-values", false, "let them show the contents of refused records")
	f.BoolVar(&o.Headless, "headless", false, "log lines instead of the live view")
	f.BoolVar(&o.JSON, "json", false, "print the final summary as JSON")
	f.IntVar(&parallelism, "parallelism", 0, "subtasks of keyed operators and sources (default: what the job says, or the number of processors)")
	f.StringVar(&from, "from", "latest", "what a job with checkpoints starts from: latest, none, or the path of a savepoint or checkpoint")
	f.BoolVar(&unclaimed, "allow-unclaimed-state", false, "drop state of operators that the job does not have any more")
	cmd.AddCommand(doctor.Command(cmd.Use, DefaultListen, TokenVariable))
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.SetArgs(args)
	if err := cmd.ExecuteContext(ctx); err != nil {
		if text := err.Error(); text != "" {
			fmt.Fprintln(os.Stderr, "error:", text)
		}
		if e := (*doctor.ExitError)(nil); errors.As(err, &e) {
			return e.Code
		}
		return code
	}
	return ExitDone
}
