// Package kafka reads and writes topics of Apache Kafka and of systems that
// speak its protocol.
//
// # Source
//
// Source reads the partitions of one or more topics. Without further options
// it assigns partitions itself: in the list of all partitions, sorted by topic
// and number, subtask i reads those at i, i+parallelism and so on. The job
// alone knows how far it has read, nothing moves while it runs, and each
// record is read once in a run.
//
// Group names a consumer group in which positions are committed with each
// checkpoint and when the job has drained. Checkpoints alone decide where a
// recovered job goes on; the group is for those who watch the lag, and for a job
// that starts without a checkpoint. A partition that is new since the checkpoint
// is read from its beginning. Records of transactions are read once they are
// committed, unless ReadUncommitted says otherwise.
//
// Balanced lets the brokers share the partitions among all members of the group
// instead, over several processes. Brokers know nothing of checkpoints: a
// rebalance repeats what was read since the last commit, so such a source is at
// least once. Recovered, a member goes on with each partition where the
// checkpoint was, whatever the group has, or where it was itself when it gave the
// partition up: records may come again and none is lost.
//
// # Memory
//
// A reader holds at most the bytes of the Buffer option, a third of which is
// meant for fetches under way or waiting in the client, a third for the poll
// that waits for the engine, and a third for the poll that the engine is
// working on. A record counts with its key, value and headers and with 224
// bytes for the client's own bookkeeping.
//
// For compressed topics the reader counts what each batch decompresses to,
// records included, and refuses the batches that no longer fit; they are
// fetched again later. A batch larger than the share of a fetch waits until
// there is room for it alone; one that can never fit ends the job with an
// error that says so. What the bound does not cover: a batch is decompressed
// before it is measured, so each concurrent fetch can hold one more for that
// moment, and two brokers can deliver batches larger than a share at the same
// moment. Batches that are not compressed are bounded by the size of the
// fetch, which follows the record size seen so far: when records suddenly
// become much smaller, one fetch may cost more than its share before the size
// follows. And a single batch is always taken, whatever the size of the fetch,
// so Buffer should be at least thirty times the largest uncompressed batch
// when records are tiny.
//
// # Pressure
//
// While the engine does not poll, the reader stops fetching, and heartbeats go
// on: no rebalance happens because processing is slow, however short the
// session timeout.
//
// # Gauges
//
// A source publishes, for each partition, lag (records), oldest_unread_age_seconds
// (the age of the record that was read last, by its timestamp, while there are
// others to read), retention_headroom_records (how far its place is from the
// beginning of the log) and retention_seconds (how long the topic keeps records,
// asked once a minute; it is missing where nothing is deleted for its age, or
// where the job may not ask). A partition that another member has got has 0.
//
// # Sink
//
// Sink writes records to one topic: idempotent, acknowledged by all in-sync
// replicas, and bounded; when the buffer is full the sink presses on the job.
// Nothing is given up silently: a record too large for the topic is rejected,
// any other failure fails the job. In a job with checkpoints records are written
// at least once.
//
// With ExactlyOnce a subtask writes in transactions, one for each checkpoint,
// that are committed when the checkpoint is complete. Each takes a producer with
// a transactional id of its own, "<prefix>-<operator>-<subtask>-<number>". When
// the job is recovered, the transactions that the checkpoint had prepared are
// committed with the producer id and epoch that it has stored; what else earlier
// attempts have left open is rolled back, and their producers are fenced. A
// transaction that has been open for longer than TransactionTimeout is gone, and
// recovery says so. docs/kafka.md has the details.
package kafka
