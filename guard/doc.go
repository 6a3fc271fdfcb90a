// Package guard holds policies for calls at the edges of a job: how often and
// how long to try again, and how an outside system says that it is too busy.
package guard
