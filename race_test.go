//go:build race

package afflux_test

// raced: the race detector makes long comparisons several times as long, and
// parallelism is what it has to see.
const raced = true
