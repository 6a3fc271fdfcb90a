package main

import (
	"errors"
	"os"
	"testing"

	"github.com/affluxdev/afflux/internal/realkafka"
)

// TestMain lets the test's own binary be the process that is killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		os.Exit(worker(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func try(t *testing.T, o trial) {
	t.Helper()
	r, err := o.run(t.Context())
	if errors.Is(err, realkafka.ErrMissing) {
		realkafka.Missing(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r)
	if r.lost+r.doubled+r.wrong > 0 || r.windows == 0 {
		t.Error("the committed output is not that of an undisturbed run")
	}
}

func TestKilledOnEmbeddedLog(t *testing.T) {
	try(t, trial{rounds: 6, broker: "embedded", rate: 5000, seed: 3})
}

func TestKilledOnKafka(t *testing.T) {
	try(t, trial{rounds: 4, broker: "kafka", rate: 5000, seed: 4})
}
