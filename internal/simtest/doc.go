// Package simtest simulates whole jobs from a seed, on one goroutine. The seed
// decides the graph, its parallelism and buffer sizes, the records, how fast
// every source, sink and function is, when they stall, and which task runs
// next; so a failure is replayed from one number:
//
//	go test ./internal/simtest -run Seeds -seed 42
//
// There are two families of jobs. Simulate makes any graph. SimulateTime is about
// event time: sources whose splits are idle for phases, pressed, or held back by
// alignment; watermarks, timers and windows above them.
//
// While a job runs, the ledger of every gate must balance, the bytes in flight
// must stay below their bound, and somebody must always be able to go on. In
// the end every sink must hold exactly the records that a plain computation
// over the records read says.
package simtest
