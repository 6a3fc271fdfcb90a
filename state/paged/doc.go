// Package paged keeps the states of the keys in use in memory and those of the
// others, encoded, in a state.KV: for states that are larger than memory.
package paged
