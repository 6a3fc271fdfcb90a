// Package follow replays the experiment that Flink's authors published on
// back-pressure in 2015: a producer and a consumer joined by two small
// buffers. One of them is slowed down, and the throughput of both is sampled.
// It shows that a slow consumer slows its producer within milliseconds, and
// what the engine moves when neither is slowed.
package follow
