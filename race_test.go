//go:build race

package afflux_test

// parallelisms are those that long comparisons are run with. The race detector
// makes them several times as long.
var parallelisms = []int{5}

// part is by how much the input of long comparisons is divided. They are whole
// without the race detector.
const part = 4
