// Package transform holds the built-in operators, one a file. Each owns its
// state and its output batch, and never starts a goroutine.
package transform
