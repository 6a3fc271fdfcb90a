package kafka

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

type sinkOption func(*sinkConfig)

func (o sinkOption) sink(c *sinkConfig) { o(c) }

// Ack says who must have a record before it counts as written.
type Ack uint8

const (
	// AckAll waits for all in-sync replicas. The default.
	AckAll Ack = iota
	// AckLeader waits for the leader alone: what it has not passed on is lost
	// with it.
	AckLeader
	// AckNone does not wait at all: records can be lost without notice.
	AckNone
)

// Compression names how batches are compressed.
type Compression uint8

const (
	// Snappy is fast and compresses moderately. The default.
	Snappy Compression = iota
	// None does not compress.
	None
	// Gzip compresses well, slowly.
	Gzip
	// LZ4 is fast and compresses moderately.
	LZ4
	// Zstd compresses well at a good speed; brokers before 2.1 do not know it.
	Zstd
)

// sinkConfig is what the options of a Sink say.
type sinkConfig struct {
	clientConfig
	topic       string
	key         any // func(*T) []byte
	encode      any // func(*T, *Message) error
	partition   any // func(*T) int32
	acks        Ack
	repeatable  bool // not idempotent
	compression Compression
	batch       int32
	linger      time.Duration
	buffer      int64
	delivery    time.Duration
	partitions  int32 // to create the topic with, 0 not to
	replication int16

	exactlyOnce        bool
	acceptLoss         bool
	transactional      string // prefix of transactional ids, "" for that of the job
	transactions       int
	transactionTimeout time.Duration // 0 for the longest that brokers allow
}

func newSinkConfig(topic string) sinkConfig {
	return sinkConfig{
		clientConfig: newClientConfig(),
		topic:        topic,
		batch:        1_000_012,
		linger:       5 * time.Millisecond,
		buffer:       32 << 20,
		delivery:     2 * time.Minute,
		transactions: defaultTransactions,
	}
}

// Key sets the key of each message. Messages of equal key go to the same
// partition: the murmur2 hash of the key modulo the number of partitions, as
// Kafka's own clients do. Messages with a nil key are spread evenly. The
// function is called by several goroutines; the bytes are copied.
func Key[T any](key func(*T) []byte) SinkOption {
	return sinkOption(func(c *sinkConfig) { c.key = key })
}

// Encode makes whole messages from records: key, value and headers; it
// replaces the codec and Key. Message.Time comes filled with the event time
// and may be changed. The function is called by several goroutines; what it
// puts into the message is not copied and must not change afterwards. An error
// rejects the record.
func Encode[T any](encode func(*T, *Message) error) SinkOption {
	return sinkOption(func(c *sinkConfig) { c.encode = encode })
}

// PartitionBy sets the partition of each message, counted from 0. A number
// that the topic does not have fails the job.
func PartitionBy[T any](partition func(*T) int32) SinkOption {
	return sinkOption(func(c *sinkConfig) { c.partition = partition })
}

// Acks sets who must have a record before it counts as written; the default is
// AckAll. Less than that also turns idempotence off.
func Acks(a Ack) SinkOption {
	return sinkOption(func(c *sinkConfig) { c.acks = a })
}

// WithoutIdempotence lets a repeated request write records twice, for brokers
// or rights that do not allow idempotent producers.
func WithoutIdempotence() SinkOption { return sinkOption(func(c *sinkConfig) { c.repeatable = true }) }

// Compress sets the compression of batches; the default is Snappy.
func Compress(how Compression) SinkOption {
	return sinkOption(func(c *sinkConfig) { c.compression = how })
}

// BatchBytes bounds a batch before compression; the default is 1 000 012, or
// the limit of the topic if that is less. A larger message is rejected.
func BatchBytes(bytes int32) SinkOption {
	return sinkOption(func(c *sinkConfig) {
		c.within("BatchBytes", int64(bytes), 1<<10, 1<<30)
		c.batch = bytes
	})
}

// Linger is how long a batch waits for more records; the default is 5 ms. A
// flush does not wait.
func Linger(d time.Duration) SinkOption {
	return sinkOption(func(c *sinkConfig) {
		c.within("Linger", d.Milliseconds(), 0, 60_000)
		c.linger = d
	})
}

// BufferBytes bounds what a subtask holds that is not acknowledged, in bytes
// before compression; the default is 32 MiB, the least 64 KiB. When it is
// full, the sink presses. A record counts with key, value, headers and 320
// bytes for the client's own bookkeeping.
func BufferBytes(bytes int64) SinkOption {
	return sinkOption(func(c *sinkConfig) {
		c.within("BufferBytes", bytes, 64<<10, 1<<40)
		c.buffer = bytes
	})
}

// DeliveryTimeout is how long records may wait without any of them being
// acknowledged before the job fails; the default is 2 minutes. It should
// outlast a restart of a broker.
func DeliveryTimeout(d time.Duration) SinkOption {
	return sinkOption(func(c *sinkConfig) {
		c.within("DeliveryTimeout", d.Milliseconds(), 100, 1<<31-1)
		c.delivery = d
	})
}

// CreateTopic creates the topic if it does not exist. A replication of -1
// takes the cluster's default. Without this option a missing topic is an error.
func CreateTopic(partitions int32, replication int16) SinkOption {
	return sinkOption(func(c *sinkConfig) {
		c.within("CreateTopic", int64(partitions), 1, 100_000)
		c.partitions, c.replication = partitions, replication
	})
}

// producerOptions translates the configuration for the client library.
func (c *sinkConfig) producerOptions(batch int32) []kgo.Opt {
	opts := []kgo.Opt{
		kgo.DefaultProduceTopicAlways(),
		kgo.DefaultProduceTopic(c.topic),
		kgo.ProducerBatchMaxBytes(batch),
		kgo.ProducerLinger(c.linger),
		kgo.MaxBufferedRecords(int(c.buffer/sentOverhead) + 1024), // ours is reached first
		kgo.RecordPartitioner(kgo.UniformBytesPartitioner(64<<10, true, true, nil)),
	}
	if c.partition != nil {
		opts = append(opts, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	}
	switch c.acks {
	case AckLeader:
		opts = append(opts, kgo.RequiredAcks(kgo.LeaderAck()))
	case AckNone:
		opts = append(opts, kgo.RequiredAcks(kgo.NoAck()))
	}
	if c.repeatable || c.acks != AckAll {
		opts = append(opts, kgo.DisableIdempotentWrite())
	}
	codec := kgo.SnappyCompression()
	switch c.compression {
	case None:
		codec = kgo.NoCompression()
	case Gzip:
		codec = kgo.GzipCompression()
	case LZ4:
		codec = kgo.Lz4Compression()
	case Zstd:
		codec = kgo.ZstdCompression()
	}
	return append(opts, kgo.ProducerBatchCompression(codec, kgo.NoCompression()))
}
