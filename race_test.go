//go:build race

package afflux_test

// parallelisms are those that long comparisons are run with. The race detector
// makes them several times as long, and parallelism is what it has to see.
var parallelisms = []int{2}

// part is by how much the input of long comparisons is divided. They run whole
// without the race detector.
const part = 4
