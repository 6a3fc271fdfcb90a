//go:build !race

package afflux_test

const raced = false
