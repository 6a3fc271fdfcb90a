// Package task runs one subtask: a chain of fused operators between the gate
// that it reads and the outputs that it writes.
//
// The loop of a task is written once, as plain code that calls Host.Suspend
// where it can not go on: no input, no credit, or an outside system that
// presses. The host decides what suspending means. In production it is a
// motor: a goroutine that parks until a peer wakes it. In a simulation it is a
// Stepper: each Step resumes the loop up to its next suspension and says what
// the task waits for, so that one scheduler can drive a whole job, replayable
// from a seed. A step never blocks a thread in either case, and an operator
// may be suspended in the middle of a record, which keeps even a record that
// expands without limit inside of its bound.
package task
