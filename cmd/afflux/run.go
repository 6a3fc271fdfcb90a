package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/internal/api"
	"github.com/affluxdev/afflux/pipeline"
)

// runFlags are the flags of afflux run.
type runFlags struct {
	set         []string
	parallelism int
	duration    time.Duration
	from        string
	unclaimed   bool
	options     afflux.ExecuteOptions
}

func newRunCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Run a pipeline written in YAML",
		Long: `Run checks a pipeline, runs it until its input ends or it is interrupted, and
prints a summary. Records alone go to standard output; the view, log lines and
the summary go to standard error. The first interrupt (Ctrl-C) drains: what was
read is delivered. A pipeline with checkpoints takes one instead, and goes on from
it when it is run again. A second interrupt stops at once.

Paths in the pipeline are relative to the working directory. ${VAR} and
${VAR:default} in its values are replaced by environment variables.

Expressions are those of expr-lang.org, with these functions besides:
` + functionHelp() + `
With OTEL_EXPORTER_OTLP_ENDPOINT set to the URL of a collector that takes OTLP over
HTTP, one record a second of each source is traced through the pipeline.

Exit status: 0 done, 1 the job failed, 2 wrong flags or a wrong pipeline.`,
		Example: `  afflux run examples/flight-delays.yaml > hourly.csv
  afflux run examples/flight-delays.yaml --set sources.flights.file.path=other.csv
  afflux run pipeline.yaml --set steps.hourly.parallelism=2 --parallelism 4
  afflux run pipeline.yaml --from state/savepoint-0000000012 --parallelism 8
  afflux run pipeline.yaml --headless --json --listen off
  afflux run pipeline.yaml --listen :8443 --tls-cert cert.pem --tls-key key.pem
  zcat clicks.jsonl.gz | afflux run pipeline.yaml --set sources.clicks.file.path=-`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.set, "set", nil, "replace a value of the pipeline: path=value (repeatable)")
	flags.IntVar(&f.parallelism, "parallelism", 0, "subtasks of sources and keyed steps (default: what the pipeline says, or the number of processors)")
	flags.DurationVar(&f.duration, "duration", 0, "drain and end after this time (default: at the end of the input)")
	flags.StringVar(&f.from, "from", "latest", "what a pipeline with checkpoints starts from: latest, none, or the path of a savepoint or checkpoint")
	flags.BoolVar(&f.unclaimed, "allow-unclaimed-state", false, "drop state of sources, steps and sinks that the pipeline does not have any more")
	flags.StringVar(&f.options.Listen, "listen", afflux.DefaultListen, "address of the page, the metrics and the API, or off")
	flags.StringVar(&f.options.TLSCert, "tls-cert", "", "serve them with TLS: PEM file of the certificate and its chain")
	flags.StringVar(&f.options.TLSKey, "tls-key", "", "PEM file of its key")
	flags.StringVar(&f.options.TLSClientCA, "tls-client-ca", "", "PEM file of the authorities that must have signed a client's certificate")
	flags.BoolVar(&f.options.ShowValues, "show-values", false, "let them show the contents of refused records")
	flags.BoolVar(&f.options.Headless, "headless", false, "log lines instead of the live view")
	flags.BoolVar(&f.options.JSON, "json", false, "print the final summary as JSON")
	return cmd
}

// oneFile accepts the name of one pipeline.
func oneFile(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return errors.New("which pipeline? write: afflux run FILE")
	case 1:
		return nil
	}
	return fmt.Errorf("run takes one pipeline, not %d; run each by itself", len(args))
}

func functionHelp() string {
	var b strings.Builder
	for _, f := range pipeline.Functions() {
		b.WriteString("  " + f + "\n")
	}
	return b.String()
}

func (f *runFlags) run(cmd *cobra.Command, file string) error {
	flags := cmd.Flags()
	if flags.Changed("parallelism") && f.parallelism < 1 {
		return exit(afflux.ExitUsage, fmt.Errorf("--parallelism %d: it must be at least 1", f.parallelism))
	}
	if flags.Changed("duration") && f.duration <= 0 {
		return exit(afflux.ExitUsage, fmt.Errorf("--duration %s: it must be positive", f.duration))
	}
	p, err := pipeline.LoadFile(file, pipeline.Options{Set: f.set})
	if err != nil {
		return usageProblem(err)
	}
	defer p.Close()
	starts := flags.Changed("from") || f.unclaimed
	if starts && !p.TakesCheckpoints() {
		return exit(afflux.ExitUsage, fmt.Errorf("--from and --allow-unclaimed-state are for pipelines with checkpoints: add checkpoints: {dir: ...}"))
	}
	job := p.Build()
	if starts {
		job.Set(afflux.StartFrom(f.from, f.unclaimed))
	}
	if f.parallelism > 0 {
		job.Set(afflux.OverrideParallelism(f.parallelism))
	}
	finish, err := traced(job)
	if err != nil {
		return exit(afflux.ExitUsage, err)
	}
	defer finish()
	f.options.ListenIfFree = !flags.Changed("listen")
	if f.duration > 0 {
		f.options.Observe = func(r *afflux.Run) {
			timer := time.AfterFunc(f.duration, r.Drain)
			go func() {
				<-r.Done()
				timer.Stop()
			}()
		}
	}
	err = afflux.Execute(cmd.Context(), job, f.options)
	if errors.Is(err, api.ErrTLS) || errors.Is(err, api.ErrAddress) {
		return exit(afflux.ExitUsage, err)
	}
	return exit(afflux.ExitFailed, err)
}

// usageProblem prints the problems of a pipeline, which have the form of a
// compiler's messages, and leaves nothing for the root command to print.
func usageProblem(err error) error {
	var problems pipeline.Problems
	if !errors.As(err, &problems) {
		return exit(afflux.ExitUsage, err)
	}
	fmt.Fprintln(os.Stderr, problems.Error())
	return exit(afflux.ExitUsage, errors.New(""))
}
