package kafka

import (
	"fmt"
	"time"
)

type sourceOption func(*sourceConfig)

func (o sourceOption) source(c *sourceConfig) { o(c) }

// Range says what happens when the records at the position to read from are
// gone, deleted by the retention of the topic, or were never there.
type Range uint8

const (
	// Fail ends the job: it does not skip records silently. The default.
	Fail Range = iota
	// Earliest goes on with the oldest record there is.
	Earliest
	// Latest goes on with the next record written.
	Latest
)

type startKind uint8

const (
	startDefault startKind = iota // committed with a group, else earliest
	startEarliest
	startLatest
	startCommitted
	startTime
	startOffsets
)

// sourceConfig is what the options of a Source say.
type sourceConfig struct {
	clientConfig
	topics    []string
	decode    any // func(*Message, *T) error
	group     string
	balanced  bool
	start     startKind
	startTime time.Time
	offsets   map[string]map[int32]int64
	outside   Range
	bounded   bool
	committed bool // read committed transactions only

	buffer      int64
	fetch       int32
	partition   int32
	minBytes    int32
	maxWait     time.Duration
	concurrent  int
	pollRecords int
	session     time.Duration
	heartbeat   time.Duration
	rebalance   time.Duration
}

func newSourceConfig(topic string) sourceConfig {
	return sourceConfig{
		clientConfig: newClientConfig(),
		topics:       []string{topic},
		committed:    true,
		buffer:       32 << 20,
		fetch:        8 << 20,
		partition:    1 << 20,
		minBytes:     1,
		maxWait:      500 * time.Millisecond,
		pollRecords:  10_000,
		session:      45 * time.Second,
		heartbeat:    3 * time.Second,
		rebalance:    60 * time.Second,
	}
}

// Topics adds topics to the one that Source names.
func Topics(more ...string) SourceOption {
	return sourceOption(func(c *sourceConfig) { c.topics = append(c.topics, more...) })
}

// Decode makes records from whole messages, where key, headers, timestamp or
// position matter; it replaces the codec. The function overwrites *T, which is
// zero; it is called by several goroutines. An error rejects the message.
func Decode[T any](decode func(*Message, *T) error) SourceOption {
	return sourceOption(func(c *sourceConfig) { c.decode = decode })
}

// Group names the consumer group whose committed positions are read when the job
// starts without a checkpoint, and written with each checkpoint and when the job
// has drained.
func Group(name string) SourceOption {
	return sourceOption(func(c *sourceConfig) { c.group = name })
}

// Balanced makes each subtask a member of the group, so that the brokers share
// the partitions among all members, those in other processes included. When
// members come or go, records read since the last commit are read again by the
// partition's next reader, so the source is at least once, also with
// checkpoints. It needs Group.
func Balanced() SourceOption { return sourceOption(func(c *sourceConfig) { c.balanced = true }) }

// StartEarliest starts with the oldest record. It is the default without Group.
func StartEarliest() SourceOption {
	return sourceOption(func(c *sourceConfig) { c.start = startEarliest })
}

// StartLatest starts with the first record written after the start.
func StartLatest() SourceOption {
	return sourceOption(func(c *sourceConfig) { c.start = startLatest })
}

// StartCommitted starts where the group has committed, and with the oldest
// record of a partition where it has not. It is the default with Group.
func StartCommitted() SourceOption {
	return sourceOption(func(c *sourceConfig) { c.start = startCommitted })
}

// StartAt starts with the first record whose timestamp is t or later, and at
// the end of partitions that have none.
func StartAt(t time.Time) SourceOption {
	return sourceOption(func(c *sourceConfig) { c.start, c.startTime = startTime, t })
}

// StartOffsets starts at the offsets given by topic and partition; partitions
// without one start with the oldest record.
func StartOffsets(offsets map[string]map[int32]int64) SourceOption {
	return sourceOption(func(c *sourceConfig) { c.start, c.offsets = startOffsets, offsets })
}

// OnOutOfRange sets what happens when the position to read from is no longer,
// or not yet, in the log; the default is Fail.
func OnOutOfRange(r Range) SourceOption { return sourceOption(func(c *sourceConfig) { c.outside = r }) }

// UntilLatest makes the source end: each partition at the end it has when the
// job starts. Empty partitions end at once. It does not go with Balanced.
func UntilLatest() SourceOption { return sourceOption(func(c *sourceConfig) { c.bounded = true }) }

// ReadUncommitted also reads records of transactions that are open or were
// aborted. The default reads committed records only.
func ReadUncommitted() SourceOption {
	return sourceOption(func(c *sourceConfig) { c.committed = false })
}

// Buffer bounds the bytes that a subtask's reader holds, decompressed; the
// default is 32 MiB, the least 1 MiB. The package documentation says how exact
// the bound is.
func Buffer(bytes int64) SourceOption {
	return sourceOption(func(c *sourceConfig) {
		c.within("Buffer", bytes, 1<<20, 1<<40)
		c.buffer = bytes
	})
}

// FetchMaxBytes bounds one fetch, in bytes as sent; the default is 8 MiB. The
// reader asks for less where Buffer demands it.
func FetchMaxBytes(bytes int32) SourceOption {
	return sourceOption(func(c *sourceConfig) {
		c.within("FetchMaxBytes", int64(bytes), minFetch, 1<<30)
		c.fetch = bytes
	})
}

// PartitionMaxBytes bounds what one fetch takes from one partition, in bytes as
// sent; the default is 1 MiB. A larger batch is still taken, alone.
func PartitionMaxBytes(bytes int32) SourceOption {
	return sourceOption(func(c *sourceConfig) {
		c.within("PartitionMaxBytes", int64(bytes), minFetch, 1<<30)
		c.partition = bytes
	})
}

// FetchMinBytes lets the broker wait, up to FetchMaxWait, until there is so
// much to send; the default is 1.
func FetchMinBytes(bytes int32) SourceOption {
	return sourceOption(func(c *sourceConfig) {
		c.within("FetchMinBytes", int64(bytes), 1, 1<<30)
		c.minBytes = bytes
	})
}

// FetchMaxWait is how long a broker may hold a fetch that finds nothing; the
// default is 500 ms.
func FetchMaxWait(d time.Duration) SourceOption {
	return sourceOption(func(c *sourceConfig) {
		c.within("FetchMaxWait", d.Milliseconds(), 1, 60_000)
		c.maxWait = d
	})
}

// ConcurrentFetches bounds the fetches under way or waiting at a time; they
// share Buffer. The default is one for each broker with partitions to read, at
// most 4.
func ConcurrentFetches(n int) SourceOption {
	return sourceOption(func(c *sourceConfig) {
		c.within("ConcurrentFetches", int64(n), 1, 1000)
		c.concurrent = n
	})
}

// MaxPollRecords bounds the records taken from the client at a time; the
// default is 10 000.
func MaxPollRecords(n int) SourceOption {
	return sourceOption(func(c *sourceConfig) {
		c.within("MaxPollRecords", int64(n), 1, 1<<30)
		c.pollRecords = n
	})
}

// SessionTimeout is how long a member of a Balanced group may be silent before
// the group goes on without it; the default is 45 s. Brokers bound it, usually
// to 6 s at least.
func SessionTimeout(d time.Duration) SourceOption {
	return sourceOption(func(c *sourceConfig) {
		c.within("SessionTimeout", d.Milliseconds(), 100, 1<<31-1)
		c.session = d
	})
}

// HeartbeatInterval is the time between signs of life of a member of a
// Balanced group; the default is 3 s. It should be a third of SessionTimeout
// or less.
func HeartbeatInterval(d time.Duration) SourceOption {
	return sourceOption(func(c *sourceConfig) {
		c.within("HeartbeatInterval", d.Milliseconds(), 10, 1<<31-1)
		c.heartbeat = d
	})
}

// RebalanceTimeout is how long members of a Balanced group may take to join
// again when partitions are shared anew; the default is 60 s.
func RebalanceTimeout(d time.Duration) SourceOption {
	return sourceOption(func(c *sourceConfig) {
		c.within("RebalanceTimeout", d.Milliseconds(), 100, 1<<31-1)
		c.rebalance = d
	})
}

// within notes a value outside of its limits; durations are in milliseconds.
func (c *clientConfig) within(name string, v, low, high int64) {
	if v < low || v > high {
		c.wrong(fmt.Sprintf("kafka.%s of %d: want %d to %d", name, v, low, high))
	}
}

// check finds options that contradict each other.
func (c *sourceConfig) check() {
	seen := map[string]bool{}
	for _, t := range c.topics {
		if t == "" {
			c.wrong("a topic has no name")
		}
		if seen[t] {
			c.wrong(fmt.Sprintf("topic %q is named twice", t))
		}
		seen[t] = true
	}
	for t := range c.offsets {
		if !seen[t] {
			c.wrong(fmt.Sprintf("kafka.StartOffsets names topic %q, which is not read", t))
		}
	}
	if c.start == startDefault {
		c.start = startEarliest
		if c.group != "" {
			c.start = startCommitted
		}
	}
	switch {
	case c.balanced && c.group == "":
		c.wrong("kafka.Balanced needs kafka.Group")
	case c.balanced && c.bounded:
		c.wrong("kafka.UntilLatest does not go with kafka.Balanced: the partitions of a member are not fixed")
	case c.balanced && c.start == startOffsets:
		c.wrong("kafka.StartOffsets does not go with kafka.Balanced: the group's positions decide")
	case c.start == startCommitted && c.group == "":
		c.wrong("kafka.StartCommitted needs kafka.Group")
	case c.balanced && c.heartbeat >= c.session:
		c.wrong("kafka.HeartbeatInterval must be shorter than kafka.SessionTimeout")
	}
}
