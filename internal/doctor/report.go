// Package doctor asks a running job what holds it up, and says it in words.
package doctor

import (
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/affluxdev/afflux/internal/diagnosis"
	"github.com/affluxdev/afflux/internal/remote"
)

// Report is the diagnosis as a job serves it, and as --json prints it.
type Report struct {
	// At is the time of the last sample that it goes by.
	At time.Time `json:"at,omitzero"`
	// Healthy tells that nothing was found that is more than a note.
	Healthy bool `json:"healthy"`
	// Seconds is the time that the samples span.
	Seconds float64 `json:"seconds"`
	// Findings come with the worst first.
	Findings []Finding `json:"findings"`
}

// Finding is one thing that holds the job up; see diagnosis.Finding.
type Finding struct {
	Operator string             `json:"operator"`
	Subtask  int                `json:"subtask"`
	Cause    string             `json:"cause"`
	Words    string             `json:"words"`
	Evidence string             `json:"evidence"`
	Remedy   string             `json:"remedy"`
	Avoid    string             `json:"avoid"`
	Severity diagnosis.Severity `json:"severity"`
}

const (
	// patience is how long a job that has only just started is given until there
	// are enough samples of it.
	patience = 5 * time.Second
	// again is the time between two questions.
	again = time.Second
	// answers is how long one answer may take.
	answers = 10 * time.Second
)

// ask gets the diagnosis of a job once. Errors are those of package remote.
func ask(ctx context.Context, job *remote.Job) (Report, error) {
	ctx, cancel := context.WithTimeout(ctx, answers)
	defer cancel()
	text, err := job.Get(ctx, "diagnosis")
	if err != nil {
		return Report{}, err
	}
	var r Report
	if err := json.Unmarshal(text, &r); err != nil || r.Findings == nil {
		return Report{}, &remote.NoAnswer{Err: fmt.Errorf("what answers at %s is no job of Afflux", job)}
	}
	return r, nil
}

// askPatiently asks until the job has been looked at for long enough, or has been
// given time for it.
func askPatiently(ctx context.Context, job *remote.Job) (Report, error) {
	deadline := time.Now().Add(patience)
	for {
		r, err := ask(ctx, job)
		var refused *remote.Refused
		early := errors.As(err, &refused) && refused.Status == http.StatusServiceUnavailable ||
			err == nil && r.Seconds < diagnosis.EnoughSeconds
		if !early || time.Now().Add(again).After(deadline) {
			return r, err
		}
		if err := wait(ctx, again); err != nil {
			return r, err
		}
	}
}

// wait returns after a time, or with an error when ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
