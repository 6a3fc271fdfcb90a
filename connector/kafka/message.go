package kafka

import (
	"fmt"

	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/event"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Message is a Kafka record as functions given to Decode and Encode see it.
type Message struct {
	// Topic and Partition are where the message stands, Offset its place in
	// the partition. A sink ignores them.
	Topic     string
	Partition int32
	Offset    int64
	// Key and Value are nil where the message has none. They must not be
	// changed; keeping a part of them keeps the whole batch in memory.
	Key, Value []byte
	// Headers are valid until the function returns.
	Headers []Header
	// Time is the timestamp, to the millisecond; MinTime if there is none. A
	// sink fills it with the event time; MinTime lets the client take the
	// time of writing.
	Time event.Time
}

// Header is a name with a value that goes with a message.
type Header struct {
	Key   string
	Value []byte
}

// Codec sets how the value of a message becomes a T and back; the default is
// codec.JSON. T must be the type of the source or sink.
func Codec[T any](c codec.Codec[T]) Option {
	return option(func(cfg *clientConfig) { cfg.codec = c })
}

// codecOf returns the codec of a configuration.
func codecOf[T any](cfg *clientConfig) (codec.Codec[T], error) {
	if cfg.codec == nil {
		return codec.JSON[T](), nil
	}
	c, ok := cfg.codec.(codec.Codec[T])
	if !ok {
		return nil, fmt.Errorf("kafka: the kafka.Codec given is a %T, which does not hold records of type %s", cfg.codec, event.TypeOf[T]().Name())
	}
	return c, nil
}

// timeOf is the event time of a fetched record.
func timeOf(r *kgo.Record) event.Time {
	if r.Timestamp.UnixMilli() == -1 { // the protocol's "none"
		return event.MinTime
	}
	return event.At(r.Timestamp)
}

// fill sets m from a fetched record; it reuses m.Headers.
func (m *Message) fill(r *kgo.Record, t event.Time) {
	headers := m.Headers[:0]
	for _, h := range r.Headers {
		headers = append(headers, Header(h))
	}
	*m = Message{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value, Headers: headers, Time: t}
}
