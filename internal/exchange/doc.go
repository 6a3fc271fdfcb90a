// Package exchange moves batches between tasks: single-producer rings with
// byte credit, the gate that a task reads from, and the outputs that it
// writes to. It knows no state and no code of the user.
//
// Ownership: a batch container belongs to the sending output. Publish lends it
// to the receiver, which works on its contents in place; Release gives it
// back. Contents that an operator passes on are swapped out, not copied.
package exchange
