// Package connector holds the contracts between the engine and the outside
// systems it reads from and writes to.
//
// A Source describes where records come from and opens a Reader for each
// subtask; a Sink opens a Writer for each subtask. Both are typed. Package
// connectortest holds the kit that every implementation must pass.
//
// The engine pulls: a Reader is polled only when the records it would return
// have somewhere to go, so that pressure reaches the outside system. A Writer
// accepts what it can and says how much that was.
package connector
