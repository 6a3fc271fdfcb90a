//go:build race

package simtest

// raced: coroutines are many times slower under the race detector, and one
// goroutine at a time has little to race with.
const raced = true
