package main

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/pipeline"
)

// lintFlags are the flags of afflux lint.
type lintFlags struct {
	set    []string
	json   bool
	schema bool
}

// finding is a problem as --json prints it.
type finding struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

func newLintCommand() *cobra.Command {
	var f lintFlags
	cmd := &cobra.Command{
		Use:   "lint FILE...",
		Short: "Check pipelines without running them",
		Long: `Lint finds all the mistakes of a pipeline at once: misspelt keys, unknown
columns, expressions of the wrong type, steps that nothing reads. Problems are
printed to standard output as file:line:column: message.

Exit status: 0 no problem, 2 wrong flags or a wrong pipeline.`,
		Example: `  afflux lint examples/*.yaml
  afflux lint pipeline.yaml --json
  afflux lint --schema > afflux.schema.json   # for editors`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 && !f.schema {
				return errors.New("which pipelines? write: afflux lint FILE..., or: afflux lint --schema")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.OutOrStdout(), args) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.set, "set", nil, "replace a value of the pipeline: path=value (repeatable)")
	flags.BoolVar(&f.json, "json", false, "print the problems as a JSON array")
	flags.BoolVar(&f.schema, "schema", false, "print the JSON Schema of pipelines and end")
	return cmd
}

func (f *lintFlags) run(w io.Writer, files []string) error {
	if f.schema {
		return f.printSchema(w)
	}
	findings := []finding{}
	for _, file := range files {
		_, err := pipeline.LoadFile(file, pipeline.Options{Set: f.set})
		if err == nil {
			continue
		}
		problems, ok := errors.AsType[pipeline.Problems](err)
		if !ok {
			problems = pipeline.Problems{{File: file, Message: err.Error()}}
		}
		for _, p := range problems {
			findings = append(findings, finding{p.File, p.Line, p.Column, p.Message})
		}
		if !f.json {
			fmt.Fprintln(w, problems.Error())
		}
	}
	if f.json {
		if err := json.MarshalWrite(w, findings, jsontext.WithIndent("  ")); err != nil {
			return exit(afflux.ExitFailed, err)
		}
		fmt.Fprintln(w)
	}
	if len(findings) > 0 {
		return exit(afflux.ExitUsage, errors.New(""))
	}
	return nil
}

func (f *lintFlags) printSchema(w io.Writer) error {
	schema, err := pipeline.Schema()
	if err != nil {
		return exit(afflux.ExitFailed, err)
	}
	_, err = fmt.Fprintln(w, string(schema))
	return err
}
