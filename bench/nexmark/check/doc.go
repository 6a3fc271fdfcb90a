// Package check runs Nexmark's queries in the engine and compares what they
// answer with the model: every query at several parallelisms, with state in
// memory and on disk, and with events in order and shuffled. It also compares
// the numbers of rows with those that Beam has published, and lets queries fail
// at random places: going on from their checkpoints, they must answer the same.
package check
