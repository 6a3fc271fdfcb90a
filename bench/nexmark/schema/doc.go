// Package schema has the records of Nexmark's auction house, the rows that its
// queries answer with, and the settings on which answers depend. It is shared
// by the queries and by the model that they are checked against, and knows
// neither of them, nor the engine.
//
// All times are milliseconds since the Unix epoch, UTC. All prices are cents.
package schema
