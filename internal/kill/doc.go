// Command kill proves exactly-once delivery with a real process: a job that
// reads a topic, counts by key and window, and writes to another topic is killed
// again and again with SIGKILL, at random moments and at each step of a
// checkpoint, while records keep coming. In the end every window of every key
// must be in the output topic once, with the right count.
//
// The broker is the embedded log or a real Apache Kafka; that one is also stopped
// and started again, and paused.
package main
