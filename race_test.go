//go:build race

package afflux_test

// parallelisms are those that long comparisons are run with. The race detector
// makes them several times as long, and parallelism is what it has to see.
var parallelisms = []int{2}
