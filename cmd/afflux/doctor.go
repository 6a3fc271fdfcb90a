package main

import (
	"errors"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/internal/doctor"
	"github.com/spf13/cobra"
)

// newDoctorCommand is the doctor that the binary of a job has too.
func newDoctorCommand() *cobra.Command {
	cmd := doctor.Command("afflux", afflux.DefaultListen, afflux.TokenVariable)
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		err := run(cmd, args)
		if e := (*doctor.ExitError)(nil); errors.As(err, &e) {
			return exit(e.Code, e)
		}
		return err
	}
	return cmd
}
