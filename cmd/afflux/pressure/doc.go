// Package pressure measures how long checkpoints take while a job is pressed: a
// source that could send without end, a keyed sum, and a sink that takes a
// fixed number of records a second, joined by two exchanges. All that is in
// flight lies ahead of a barrier that travels behind the records.
package pressure
