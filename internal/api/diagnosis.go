package api

import (
	"net/http"
	"time"

	"github.com/affluxdev/afflux/internal/diagnosis"
)

// findingView is a finding with its cause in words.
type findingView struct {
	Operator string             `json:"operator"`
	Subtask  int                `json:"subtask"` // -1 for all of them
	Cause    diagnosis.Cause    `json:"cause"`
	Words    string             `json:"words"`
	Evidence string             `json:"evidence"`
	Remedy   string             `json:"remedy"`
	Avoid    string             `json:"avoid"`
	Severity diagnosis.Severity `json:"severity"`
}

// reportView is the diagnosis. It is also what is served as /api/v1/diagnosis,
// with the time of the sample.
type reportView struct {
	At      *time.Time `json:"at,omitempty"`
	Healthy bool       `json:"healthy"`
	// Seconds is how long the job was looked at: below EnoughSeconds not
	// everything is looked for.
	Seconds  float64       `json:"seconds"`
	Findings []findingView `json:"findings"`
}

func reportOf(r diagnosis.Report) reportView {
	v := reportView{Healthy: r.Healthy, Seconds: short(r.Seconds), Findings: make([]findingView, 0, len(r.Findings))}
	for _, f := range r.Findings {
		v.Findings = append(v.Findings, findingView{f.Operator, f.Subtask, f.Cause, f.Cause.Words(), f.Evidence, f.Remedy, f.Avoid, f.Severity})
	}
	return v
}

func (f *feed) serveDiagnosis(w http.ResponseWriter, _ *http.Request) {
	s := f.look()
	if s.job == nil {
		notStarted(w)
		return
	}
	v := reportOf(s.report)
	v.At = &s.examined.At
	answer(w, http.StatusOK, v)
}

func notStarted(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	http.Error(w, "the job has not started yet", http.StatusServiceUnavailable)
}
