package pipeline

var formatWords = []string{"csv", "json", "raw", "avro"}

// fileSourceConfig reads files.
type fileSourceConfig struct {
	path      text
	format    choice
	delimiter text
	header    flag
}

func (c *fileSourceConfig) bind(b *binder) {
	b.describe("a file source")
	c.format.words = []string{"csv", "json", "raw"}
	b.must("path", &c.path, `a file, a directory or a pattern like data/*.csv.gz; "-" is standard input`)
	b.key("format", &c.format, "csv, json (an object a line) or raw (a text a line); by the path's ending without it")
	b.key("delimiter", &c.delimiter, "what separates the fields of CSV; default a comma")
	b.key("header", &c.header, "whether CSV files begin with the names of the columns; default true")
}

// formatConfig is how the values of messages are coded.
type formatConfig struct {
	format     choice
	delimiter  text
	schemaFile text
	schemaText text
}

func (c *formatConfig) bindFormat(b *binder) {
	c.format.words = formatWords
	b.key("format", &c.format, "json, csv (a row without header), raw or avro; default json")
	b.key("delimiter", &c.delimiter, "what separates the fields of CSV; default a comma")
	b.key("schema", &c.schemaText, "the Avro schema, as JSON")
	b.key("schema_file", &c.schemaFile, "a file with the Avro schema")
}

// clusterConfig is how to reach Kafka.
type clusterConfig struct {
	brokers  list[text]
	topic    text
	clientID text
	tls      flag
	sasl     optional[saslConfig]
	connect  span
}

func (c *clusterConfig) bindCluster(b *binder) {
	b.key("brokers", &c.brokers, "addresses host:port of one or more brokers; default 127.0.0.1:9092")
	b.must("topic", &c.topic, "the topic")
	b.key("client_id", &c.clientID, "what brokers see in their logs; default afflux")
	b.key("tls", &c.tls, "encrypt, trusting the system's authorities; default false")
	b.key("sasl", &c.sasl, "user and password")
	b.key("connect_timeout", &c.connect, "how long to look for a broker at the start; default 10s")
}

type saslConfig struct {
	mechanism choice
	user      text
	password  text
}

func (c *saslConfig) bind(b *binder) {
	b.describe("sasl")
	c.mechanism.words = []string{"plain", "scram-sha-256", "scram-sha-512"}
	b.must("mechanism", &c.mechanism, "plain, scram-sha-256 or scram-sha-512")
	b.must("user", &c.user, "the user")
	b.must("password", &c.password, "the password; better as ${VARIABLE}")
}

// kafkaSourceConfig reads a topic.
type kafkaSourceConfig struct {
	clusterConfig
	formatConfig
	group        text
	balanced     flag
	start        text
	outOfRange   choice
	untilLatest  flag
	uncommitted  flag
	buffer       size
	fetch        size
	partitionMax size
	fetchMin     size
	fetchWait    span
	fetches      whole
	pollRecords  whole
	session      span
	heartbeat    span
	rebalance    span
	topics       list[text]
}

func (c *kafkaSourceConfig) bind(b *binder) {
	b.describe("a kafka source")
	c.outOfRange.words = []string{"fail", "earliest", "latest"}
	c.fetches.min, c.pollRecords.min = 1, 1
	c.bindCluster(b)
	b.key("topics", &c.topics, "more topics, read like the first")
	c.bindFormat(b)
	b.key("group", &c.group, "the consumer group whose positions are read at the start and written at the end")
	b.key("balanced", &c.balanced, "share the partitions with other members of the group; default false")
	b.key("start", &c.start, "earliest, latest, committed, or a time like 2026-01-31T00:00:00Z; default committed with a group, else earliest")
	b.key("out_of_range", &c.outOfRange, "when the records to start with are gone: fail, earliest or latest")
	b.key("until_latest", &c.untilLatest, "end where the topic ends now; default false")
	b.key("read_uncommitted", &c.uncommitted, "also read what transactions have not committed; default false")
	b.key("buffer", &c.buffer, "bytes held by the reader of a subtask, decompressed; default 32MiB")
	b.key("fetch_max_bytes", &c.fetch, "bytes of one fetch; default 8MiB")
	b.key("partition_max_bytes", &c.partitionMax, "bytes of one fetch from one partition; default 1MiB")
	b.key("fetch_min_bytes", &c.fetchMin, "bytes that a broker waits for; default 1")
	b.key("fetch_max_wait", &c.fetchWait, "how long a broker waits for them; default 500ms")
	b.key("concurrent_fetches", &c.fetches, "fetches under way at a time; default one for each broker, at most 4")
	b.key("max_poll_records", &c.pollRecords, "records taken from the client at a time; default 10000")
	b.key("session_timeout", &c.session, "silence after which a balanced member is given up; default 45s")
	b.key("heartbeat_interval", &c.heartbeat, "time between signs of life; default 3s")
	b.key("rebalance_timeout", &c.rebalance, "time to join again; default 60s")
}

// generatorConfig makes records up.
type generatorConfig struct {
	fields     entries[expression]
	count      whole
	duration   span
	rate       rateConfig
	maxBacklog whole
}

func (c *generatorConfig) bind(b *binder) {
	b.describe("a generator")
	c.maxBacklog.min = 1
	b.must("fields", &c.fields, "the columns: name: expression of i (the number of the record, from 0) and due (its time)")
	b.key("count", &c.count, "records to make in all; default: without end")
	b.key("for", &c.duration, "time after which it ends")
	b.key("rate", &c.rate, "records a second: a number, or one of constant, ramp, spike, sine, bursts, trace; default as fast as they are taken")
	b.key("max_backlog", &c.maxBacklog, "records of a subtask that may be due and not yet made; default without bound")
}

// rateConfig is a profile of a generator: a number or a mapping with one key.
type rateConfig struct {
	spot
	constant number
	ramp     optional[rampConfig]
	spike    optional[spikeConfig]
	sine     optional[sineConfig]
	bursts   optional[burstsConfig]
	trace    text
}

func (c *rateConfig) read(r *report, n *node) {
	c.node = n
	if n.kind == scalarNode {
		c.constant.read(r, n)
		return
	}
	readSection(r, n, c)
}

func (c *rateConfig) schema() schema {
	return schema{"anyOf": []any{schema{"type": "number"}, sectionSchema(&rateConfig{})}}
}

func (c *rateConfig) bind(b *binder) {
	b.describe("a rate")
	b.key("constant", &c.constant, "records a second")
	b.key("ramp", &c.ramp, "from one rate to another")
	b.key("spike", &c.spike, "a base rate with a peak")
	b.key("sine", &c.sine, "swings about a mean")
	b.key("bursts", &c.bursts, "a peak at the beginning of every period")
	b.key("trace", &c.trace, "a CSV file of seconds,rate")
}

type rampConfig struct {
	from, to number
	in       span
}

func (c *rampConfig) bind(b *binder) {
	b.describe("a ramp")
	b.must("from", &c.from, "records a second at the beginning")
	b.must("to", &c.to, "records a second at the end")
	b.must("in", &c.in, "the time it takes")
}

type spikeConfig struct {
	base, peak number
	at, lasts  span
	rise, fall span
}

func (c *spikeConfig) bind(b *binder) {
	b.describe("a spike")
	c.at.zero, c.rise.zero, c.fall.zero = true, true, true
	b.must("base", &c.base, "records a second outside of the peak")
	b.must("peak", &c.peak, "records a second at the peak")
	b.must("at", &c.at, "when it begins")
	b.must("for", &c.lasts, "how long it lasts, rise included")
	b.key("rise", &c.rise, "how long it climbs; default at once")
	b.key("fall", &c.fall, "how long it falls; default at once")
}

type sineConfig struct {
	mean, amplitude number
	period          span
}

func (c *sineConfig) bind(b *binder) {
	b.describe("a sine")
	b.must("mean", &c.mean, "records a second on average")
	b.must("amplitude", &c.amplitude, "by how much it swings, at most the mean")
	b.must("period", &c.period, "the length of a swing")
}

type burstsConfig struct {
	base, peak    number
	lasts, period span
}

func (c *burstsConfig) bind(b *binder) {
	b.describe("bursts")
	b.must("base", &c.base, "records a second between bursts")
	b.must("peak", &c.peak, "records a second in a burst")
	b.must("for", &c.lasts, "how long a burst lasts")
	b.must("every", &c.period, "the time from one burst to the next")
}

// sinkConfig is one sink.
type sinkConfig struct {
	from        text
	file        optional[fileSinkConfig]
	stdout      optional[stdoutConfig]
	kafka       optional[kafkaSinkConfig]
	blackhole   optional[blackholeConfig]
	parallelism whole
	onError     choice
}

func (c *sinkConfig) bind(b *binder) {
	b.describe("a sink")
	c.parallelism.min = 1
	c.onError.words = policyWords
	b.key("from", &c.from, "the source, step or branch that it writes; default: the last step, or the only source")
	b.key("file", &c.file, "write a file")
	b.key("stdout", &c.stdout, "write to standard output")
	b.key("kafka", &c.kafka, "write to a topic")
	b.key("blackhole", &c.blackhole, "count the records and forget them")
	b.key("parallelism", &c.parallelism, "number of subtasks; default 1 for a file: with more, each writes a file of its own, like out-0.csv")
	b.key("on_error", &c.onError, "what happens with a record that cannot be written")
}

// deadLetterConfig is where refused records go.
type deadLetterConfig struct {
	file  optional[letterFileConfig]
	kafka optional[letterTopicConfig]
}

func (c *deadLetterConfig) bind(b *binder) {
	b.describe("dead_letters")
	b.key("file", &c.file, "write them to a file of JSON lines")
	b.key("kafka", &c.kafka, "write them to a topic as JSON")
}

type letterFileConfig struct{ path text }

func (c *letterFileConfig) bind(b *binder) {
	b.describe("a dead-letter file")
	b.must("path", &c.path, "the file, of JSON lines")
}

type letterTopicConfig struct {
	clusterConfig
	create whole
}

func (c *letterTopicConfig) bind(b *binder) {
	b.describe("a dead-letter topic")
	c.create.min = 1
	c.bindCluster(b)
	b.key("create_partitions", &c.create, "create the topic with so many partitions if it does not exist")
}

// rowFormatConfig is how a sink writes rows as text.
type rowFormatConfig struct {
	format    choice
	delimiter text
	header    flag
	layout    text
	columns   list[text]
}

func (c *rowFormatConfig) bindRows(b *binder, formats ...string) {
	c.format.words = formats
	b.key("format", &c.format, "how rows are written: csv, json or raw")
	b.key("delimiter", &c.delimiter, "what separates the fields of CSV; default a comma")
	b.key("header", &c.header, "begin CSV with the names of the columns; default true")
	b.key("time_layout", &c.layout, `how CSV writes times; default "2006-01-02 15:04:05"`)
	b.key("columns", &c.columns, "the columns to write, in this order; default all")
}

type fileSinkConfig struct {
	path text
	rowFormatConfig
}

func (c *fileSinkConfig) bind(b *binder) {
	b.describe("a file sink")
	b.must("path", &c.path, `the file; .gz and .zst compress; "-" is standard output`)
	c.bindRows(b, "csv", "json", "raw")
}

type stdoutConfig struct{ rowFormatConfig }

func (c *stdoutConfig) bind(b *binder) {
	b.describe("stdout")
	c.bindRows(b, "csv", "json", "raw")
}

type blackholeConfig struct{ rate number }

func (c *blackholeConfig) bind(b *binder) {
	b.describe("blackhole")
	b.key("rate", &c.rate, "records a second that it takes in all; default without bound")
}

type kafkaSinkConfig struct {
	clusterConfig
	formatConfig
	layout      text
	columns     list[text]
	key         expression
	acks        choice
	idempotent  flag
	compression choice
	batch       size
	linger      span
	buffer      size
	delivery    span
	create      whole
	replication whole
	exactlyOnce flag
	prefix      text
	transaction span
}

func (c *kafkaSinkConfig) bind(b *binder) {
	b.describe("a kafka sink")
	c.acks.words = []string{"all", "leader", "none"}
	c.compression.words = []string{"snappy", "none", "gzip", "lz4", "zstd"}
	c.linger.zero = true
	c.create.min, c.replication.min = 1, 1
	c.bindCluster(b)
	c.bindFormat(b)
	b.key("time_layout", &c.layout, `how CSV writes times; default "2006-01-02 15:04:05"`)
	b.key("columns", &c.columns, "the columns to write, in this order; default all")
	b.key("key", &c.key, "an expression for the key of the message; equal keys go to one partition")
	b.key("acks", &c.acks, "who must have a record: all, leader or none; default all")
	b.key("idempotent", &c.idempotent, "whether a repeated request writes once; default true")
	b.key("compression", &c.compression, "snappy, none, gzip, lz4 or zstd; default snappy")
	b.key("batch_bytes", &c.batch, "bytes of a batch; default about 1MB")
	b.key("linger", &c.linger, "how long a batch waits for more; default 5ms")
	b.key("buffer", &c.buffer, "bytes not yet acknowledged; default 32MiB")
	b.key("delivery_timeout", &c.delivery, "time without any acknowledgement after which the job fails; default 2m")
	b.key("create_partitions", &c.create, "create the topic with so many partitions if it does not exist")
	b.key("create_replication", &c.replication, "replicas of a topic that is created; default: the cluster's")
	b.key("exactly_once", &c.exactlyOnce, "write in transactions that are committed with checkpoints; default false, at least once")
	b.key("transactional_prefix", &c.prefix, "what transactional ids begin with, which no other job of the cluster may use; default afflux- and the name of the job")
	b.key("transaction_timeout", &c.transaction, "how long a transaction may be open, which bounds how long the job may be down; default: the most that the brokers allow")
}
