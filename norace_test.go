//go:build !race

package afflux_test

var parallelisms = []int{1, 2, 5}

const part = 1
