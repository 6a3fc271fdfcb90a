package pipeline

import (
	"math"
	"time"

	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/kafka"
	"github.com/affluxdev/afflux/event"
)

// cluster translates how to reach Kafka.
func (c *checker) cluster(k *clusterConfig) []kafka.Option {
	var out []kafka.Option
	if k.brokers.given {
		out = append(out, kafka.Brokers(textsOf(k.brokers.items)...))
	}
	if k.clientID.given() {
		out = append(out, kafka.ClientID(k.clientID.value))
	}
	if k.tls.value {
		out = append(out, kafka.TLS(nil))
	}
	if k.connect.given() {
		out = append(out, kafka.ConnectTimeout(k.connect.value))
	}
	if s := &k.sasl.value; k.sasl.given {
		switch s.mechanism.value {
		case "plain":
			out = append(out, kafka.Plain(s.user.value, s.password.value))
		case "scram-sha-256":
			out = append(out, kafka.ScramSHA256(s.user.value, s.password.value))
		case "scram-sha-512":
			out = append(out, kafka.ScramSHA512(s.user.value, s.password.value))
		}
	}
	return out
}

// size32 is a size as the 32-bit number that the protocol has.
func size32(z size) int32 { return int32(min(z.value, math.MaxInt32)) }

func (c *checker) kafkaSource(k *kafkaSourceConfig, fields []field, cols *columns) connector.Source[Row] {
	coder := c.messageCodec(&k.formatConfig, fields, cols)
	if coder == nil {
		return nil
	}
	out := []kafka.SourceOption{kafka.Codec(coder)}
	for _, o := range c.cluster(&k.clusterConfig) {
		out = append(out, o)
	}
	if k.topics.given {
		out = append(out, kafka.Topics(textsOf(k.topics.items)...))
	}
	if k.group.given() {
		out = append(out, kafka.Group(k.group.value))
	}
	if k.balanced.value {
		out = append(out, kafka.Balanced())
	}
	out = append(out, c.start(k)...)
	switch k.outOfRange.value {
	case "earliest":
		out = append(out, kafka.OnOutOfRange(kafka.Earliest))
	case "latest":
		out = append(out, kafka.OnOutOfRange(kafka.Latest))
	}
	if k.untilLatest.value {
		out = append(out, kafka.UntilLatest())
	}
	if k.uncommitted.value {
		out = append(out, kafka.ReadUncommitted())
	}
	option := func(given bool, o func() kafka.SourceOption) {
		if given {
			out = append(out, o())
		}
	}
	option(k.buffer.given(), func() kafka.SourceOption { return kafka.Buffer(k.buffer.value) })
	option(k.fetch.given(), func() kafka.SourceOption { return kafka.FetchMaxBytes(size32(k.fetch)) })
	option(k.partitionMax.given(), func() kafka.SourceOption { return kafka.PartitionMaxBytes(size32(k.partitionMax)) })
	option(k.fetchMin.given(), func() kafka.SourceOption { return kafka.FetchMinBytes(size32(k.fetchMin)) })
	option(k.fetchWait.given(), func() kafka.SourceOption { return kafka.FetchMaxWait(k.fetchWait.value) })
	option(k.fetches.given(), func() kafka.SourceOption { return kafka.ConcurrentFetches(k.fetches.or(1)) })
	option(k.pollRecords.given(), func() kafka.SourceOption { return kafka.MaxPollRecords(k.pollRecords.or(1)) })
	option(k.session.given(), func() kafka.SourceOption { return kafka.SessionTimeout(k.session.value) })
	option(k.heartbeat.given(), func() kafka.SourceOption { return kafka.HeartbeatInterval(k.heartbeat.value) })
	option(k.rebalance.given(), func() kafka.SourceOption { return kafka.RebalanceTimeout(k.rebalance.value) })
	return kafka.Source[Row](k.topic.value, out...)
}

// start is where reading begins, and what does not go with it.
func (c *checker) start(k *kafkaSourceConfig) []kafka.SourceOption {
	if k.balanced.value && !k.group.given() {
		c.addf(k.balanced.at(), "balanced shares the partitions of a group; add group")
	}
	if k.balanced.value && k.untilLatest.value {
		c.addf(k.untilLatest.at(), "until_latest does not go with balanced: the partitions of a member are not fixed")
	}
	if !k.start.given() {
		return nil
	}
	switch k.start.value {
	case "earliest":
		return []kafka.SourceOption{kafka.StartEarliest()}
	case "latest":
		return []kafka.SourceOption{kafka.StartLatest()}
	case "committed":
		if !k.group.given() {
			c.addf(k.start.at(), "start: committed needs a group")
		}
		return []kafka.SourceOption{kafka.StartCommitted()}
	}
	t, err := parseUsualTime(k.start.value)
	if err != nil {
		c.addf(k.start.at(), "%q is neither earliest, latest, committed nor a time like 2026-01-31T00:00:00Z", k.start.value)
		return nil
	}
	return []kafka.SourceOption{kafka.StartAt(t)}
}

func (c *checker) kafkaSink(k *kafkaSinkConfig, cols *columns) connector.Sink[Row] {
	which := c.written(k.columns, cols)
	w := k.formatConfig
	coder := c.writer(&w, k.layout, cols, which)
	if coder == nil {
		return nil
	}
	out := []kafka.SinkOption{kafka.Codec(coder)}
	if k.key.given() {
		if f := c.compileExpression(&k.key, cols); f != nil {
			out[0] = kafka.Encode(keyedMessage(f, coder))
		}
	}
	for _, o := range c.cluster(&k.clusterConfig) {
		out = append(out, o)
	}
	switch k.acks.value {
	case "leader":
		out = append(out, kafka.Acks(kafka.AckLeader))
	case "none":
		out = append(out, kafka.Acks(kafka.AckNone))
	}
	if k.idempotent.given() && !k.idempotent.value {
		out = append(out, kafka.WithoutIdempotence())
	}
	compressions := map[string]kafka.Compression{"none": kafka.None, "gzip": kafka.Gzip, "lz4": kafka.LZ4, "zstd": kafka.Zstd, "snappy": kafka.Snappy}
	if how, ok := compressions[k.compression.value]; ok {
		out = append(out, kafka.Compress(how))
	}
	if k.batch.given() {
		out = append(out, kafka.BatchBytes(size32(k.batch)))
	}
	if k.linger.given() {
		out = append(out, kafka.Linger(k.linger.value))
	}
	if k.buffer.given() {
		out = append(out, kafka.BufferBytes(k.buffer.value))
	}
	if k.delivery.given() {
		out = append(out, kafka.DeliveryTimeout(k.delivery.value))
	}
	if k.create.given() {
		out = append(out, kafka.CreateTopic(int32(k.create.or(1)), int16(min(k.replication.or(-1), math.MaxInt16))))
	} else if k.replication.given() {
		c.addf(k.replication.at(), "create_replication goes with create_partitions")
	}
	out = append(out, c.transactions(k)...)
	return kafka.Sink[Row](k.topic.value, out...)
}

// transactions of a sink that writes exactly once.
func (c *checker) transactions(k *kafkaSinkConfig) []kafka.SinkOption {
	if !k.exactlyOnce.value {
		for _, t := range []struct {
			key  string
			spot spot
		}{{"transactional_prefix", k.prefix.spot}, {"transaction_timeout", k.transaction.spot}} {
			if t.spot.given() {
				c.addf(t.spot.at(), "%s goes with exactly_once: true", t.key)
			}
		}
		return nil
	}
	if !c.config.checkpoints.given {
		c.addf(k.exactlyOnce.at(), "exactly_once commits with checkpoints, and the pipeline has none; add checkpoints: {dir: ...}")
	}
	if k.acks.given() && k.acks.value != "all" {
		c.addf(k.acks.at(), "exactly_once needs acks: all")
	}
	if k.idempotent.given() && !k.idempotent.value {
		c.addf(k.idempotent.at(), "exactly_once does not go with idempotent: false")
	}
	out := []kafka.SinkOption{kafka.ExactlyOnce()}
	if k.prefix.given() {
		if k.prefix.value == "" {
			c.addf(k.prefix.at(), "the prefix is empty")
		}
		out = append(out, kafka.TransactionalPrefix(k.prefix.value))
	}
	if k.transaction.given() {
		if k.transaction.value < time.Second {
			c.addf(k.transaction.at(), "%s is too short; write at least 1s", k.transaction.node.text)
		}
		out = append(out, kafka.TransactionTimeout(k.transaction.value))
	}
	return out
}

// keyedMessage makes messages with a key: the text of an expression, or no key
// where it is null. A record for which the expression fails is refused.
func keyedMessage(key *formula, coder codec.Codec[Row]) func(*Row, *kafka.Message) error {
	return func(r *Row, m *kafka.Message) error {
		v, err := key.eval(r)
		if err != nil {
			return err
		}
		if v != nil {
			s, err := plainText(v, time.RFC3339Nano)
			if err != nil {
				return err
			}
			m.Key = []byte(s)
		}
		m.Value, err = coder.Append(nil, r)
		return err
	}
}

func (c *checker) letterTopic(k *letterTopicConfig) connector.Sink[event.DeadLetter] {
	var out []kafka.SinkOption
	for _, o := range c.cluster(&k.clusterConfig) {
		out = append(out, o)
	}
	if k.create.given() {
		out = append(out, kafka.CreateTopic(int32(k.create.or(1)), -1))
	}
	return kafka.Sink[event.DeadLetter](k.topic.value, out...)
}
