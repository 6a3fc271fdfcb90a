// Package kafka reads and writes topics of Apache Kafka and of systems that
// speak its protocol.
//
// # Source
//
// Source reads the partitions of one or more topics. Without further options
// it assigns partitions itself: in the list of all partitions, sorted by topic
// and number, subtask i reads those at i, i+parallelism and so on. The job
// alone knows how far it has read, nothing moves while it runs, and each
// record is read once in a run. Group names a consumer group in which
// positions are committed when the job has drained. Balanced lets the brokers
// share the partitions among all members of the group instead, over several
// processes; then a rebalance repeats what was read since the last commit.
//
// # Memory
//
// A reader holds at most the bytes of the Buffer option, a third of which is
// meant for fetches under way or waiting in the client, a third for the poll
// that waits for the engine, and a third for the poll that the engine is
// working on. A record counts with its key, value and headers and with 224
// bytes for the client's own bookkeeping.
//
// The bound is exact for compressed topics but for one batch: the reader
// counts what each batch decompresses to, records included, and refuses the
// batches that no longer fit; they are fetched again later. A batch is
// decompressed before it is measured, so one batch for each concurrent fetch
// can be held above the bound for that moment, and a batch that alone exceeds
// its share ends the job with an error that says so. Batches that are not
// compressed are bounded by the size of the fetch, which follows the record
// size seen so far: when records suddenly become much smaller, one fetch may
// cost more than its share before the size follows.
//
// # Pressure
//
// While the engine does not poll, the reader stops fetching, and heartbeats go
// on: no rebalance happens because processing is slow, however short the
// session timeout.
//
// # Sink
//
// Sink writes records to one topic: idempotent, acknowledged by all in-sync
// replicas, and bounded; when the buffer is full the sink presses on the job.
// Nothing is given up silently: a record that Kafka refuses as too large is
// rejected, any other failure fails the job.
package kafka
