// Package operatortest holds the kit that every operator must pass. It drives
// an operator as a task would, but meaner: batches are cut anywhere, outputs
// are full on every other call, containers come back with little capacity, work
// outside finishes at odd moments, and memory that the operator has no right to
// any more is overwritten. Whatever the order, what comes out must be what a
// model of the operator says, no watermark may overtake a record, and a task
// that is cancelled in the middle must unwind.
//
// An operator's test fills in a Harness and calls Test.
package operatortest
