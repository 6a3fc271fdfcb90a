package afflux

import (
	"github.com/affluxdev/afflux/internal/diagnosis"
	"github.com/affluxdev/afflux/internal/metric"
)

// Finding names an operator that limits a job, with the cause, what was
// measured, and what to change.
type Finding = diagnosis.Finding

// Bottleneck names the operator that limited a job between two of its
// snapshots, best about a second apart, at least 250 ms. It reports false when
// none did, or when the job has ended.
func Bottleneck(before, after *Snapshot) (Finding, bool) {
	return diagnosis.Bottleneck(metric.Between(before, after), after)
}
