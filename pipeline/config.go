package pipeline

// config is a whole pipeline file.
type config struct {
	name        text
	parallelism whole
	sources     entries[sourceConfig]
	steps       stepList
	sinks       entries[sinkConfig]
	deadLetters optional[deadLetterConfig]
	buffers     optional[bufferConfig]
	checkpoints optional[checkpointConfig]
	restart     optional[restartConfig]
	latency     span // between two markers
}

func newConfig() *config { return &config{} }

func (c *config) bind(b *binder) {
	b.describe("a pipeline")
	c.parallelism.min, c.latency.zero = 1, true
	b.key("name", &c.name, "name of the job; the file's name without it")
	b.key("parallelism", &c.parallelism, "subtasks of sources and keyed steps; default: the number of processors")
	b.must("sources", &c.sources, "where records come from, by name")
	b.key("steps", &c.steps, "what is done with them, in order")
	b.must("sinks", &c.sinks, "where records go, by name")
	b.key("dead_letters", &c.deadLetters, "where records go that a source or step refuses; with it, on_error is dead_letter unless said otherwise")
	b.key("buffers", &c.buffers, "bounds on what is in flight")
	b.key("checkpoints", &c.checkpoints, "let the job survive failures, and go on where it was when it is started again")
	b.key("restart", &c.restart, "what happens after a failure")
	b.key("latency_every", &c.latency, "how often each subtask of a source sends a marker, to measure how long records take; at least 1ms, or 0 to measure nothing; default 1s")
}

// bufferConfig bounds the arrows of the job.
type bufferConfig struct {
	batches   whole
	batchSize size
	maxRecord size
	target    span
}

func (c *bufferConfig) bind(b *binder) {
	b.describe("buffers")
	c.batches.min = 2
	b.key("batches", &c.batches, "batches in flight on each arrow, default 8")
	b.key("batch_size", &c.batchSize, "bytes of a batch, default 32KiB")
	b.key("max_record", &c.maxRecord, "bytes of the largest record, default 1MiB")
	b.key("target", &c.target, "work in flight on an arrow, in time at its receiver; default 100ms")
}

var policyWords = []string{"fail", "skip", "dead_letter"}

// sourceConfig is one source.
type sourceConfig struct {
	file        optional[fileSourceConfig]
	kafka       optional[kafkaSourceConfig]
	generator   optional[generatorConfig]
	columns     entries[columnConfig]
	eventTime   optional[eventTimeConfig]
	parallelism whole
	onError     choice
}

func (c *sourceConfig) bind(b *binder) {
	b.describe("a source")
	c.parallelism.min = 1
	c.onError.words = policyWords
	b.key("file", &c.file, "read files or standard input")
	b.key("kafka", &c.kafka, "read a topic")
	b.key("generator", &c.generator, "make records up")
	b.key("columns", &c.columns, "the columns to read: name: type, or name: {type, from, layout}")
	b.key("event_time", &c.eventTime, "when the records happened")
	b.key("parallelism", &c.parallelism, "number of subtasks")
	b.key("on_error", &c.onError, "what happens with input that cannot be read")
}

// columnConfig declares a column: only its type, or a mapping.
type columnConfig struct {
	kind   choice
	from   text
	layout text
	at     place
}

func (c *columnConfig) bind(b *binder) {
	b.describe("a column")
	c.kind.words = kindNames
	b.must("type", &c.kind, "one of any, bool, int, float, string, time, duration")
	b.key("from", &c.from, "its name in the input; the same without it")
	b.key("layout", &c.layout, `form of a time: a layout of Go like "02.01.2006 15:04", or unix, or unix_ms`)
}

func (c *columnConfig) read(r *report, n *node) {
	c.at = n.at
	if n.kind == scalarNode {
		c.kind.words = kindNames
		c.kind.read(r, n)
		return
	}
	readSection(r, n, c)
}

func (c *columnConfig) schema() schema {
	return schema{"anyOf": []any{c.kindSchema(), sectionSchema(&columnConfig{})}}
}

func (c *columnConfig) kindSchema() schema {
	words := oneOf(kindNames...)
	return words.schema()
}

// eventTimeConfig says when records happened.
type eventTimeConfig struct {
	column         text
	outOfOrderness span
	idleAfter      span
}

func (c *eventTimeConfig) bind(b *binder) {
	b.describe("event_time")
	c.outOfOrderness.zero = true
	b.key("column", &c.column, "a column of type time; without it the time that the source itself gives")
	b.key("out_of_orderness", &c.outOfOrderness, "by how much a record may come after a later one; default 0")
	b.key("idle_after", &c.idleAfter, "a partition that is silent for so long no longer holds the others back; default: never")
}

// stepConfig is one step: exactly one of its operations is given.
type stepConfig struct {
	at          place
	broken      bool // problems were found while it was read
	name        text
	from        list[text]
	filter      expression
	set         entries[expression]
	mapping     entries[expression]
	drop        list[text]
	selected    list[text]
	flatMap     optional[flatMapConfig]
	union       list[text]
	split       entries[expression]
	http        optional[httpConfig]
	keyBy       list[expression]
	window      optional[windowConfig]
	aggregate   entries[expression]
	top         optional[topConfig]
	deduplicate optional[deduplicateConfig]
	join        optional[joinConfig]
	anyOrder    flag
	parallelism whole
	onError     choice
}

func (c *stepConfig) bind(b *binder) {
	b.describe("a step")
	c.parallelism.min = 1
	c.onError.words = policyWords
	b.must("name", &c.name, "a name, unique in the pipeline")
	b.key("from", &c.from, "the source, step or branch (step.branch) that it reads; default: the step before, or the only source")
	b.key("filter", &c.filter, "a condition: records for which it is true pass")
	b.key("set", &c.set, "columns to add or to replace: name: expression")
	b.key("map", &c.mapping, "the columns of the result, all of them: name: expression")
	b.key("drop", &c.drop, "columns to remove")
	b.key("select", &c.selected, "columns to keep, in this order")
	b.key("flat_map", &c.flatMap, "a record for each element of a list")
	b.key("union", &c.union, "streams to join; they have the same columns")
	b.key("split", &c.split, "branches by condition, the first that is true: name: condition, or else for the rest; read them as step.branch")
	b.key("http", &c.http, "ask a web service for each record")
	b.key("key_by", &c.keyBy, "columns or expressions to divide the records by, for aggregate and top")
	b.key("window", &c.window, "windows of event time, for aggregate and top; an aggregate without it emits the result so far for each record")
	b.key("aggregate", &c.aggregate, "columns to compute by key: name: count(), sum(x), min(x), max(x), avg(x), quantile(x, 0.99) or distinct(x)")
	b.key("top", &c.top, "the records of each key and window for which an expression is largest")
	b.key("deduplicate", &c.deduplicate, "pass on one record of each key")
	b.key("join", &c.join, "join the records with those of another stream")
	b.key("any_order", &c.anyOrder, "accept that something upstream changes the order of the records of a key; default false, which refuses such a pipeline")
	b.key("parallelism", &c.parallelism, "number of subtasks")
	b.key("on_error", &c.onError, "what happens with a record for which an expression or a request fails")
}

func (c *stepConfig) read(r *report, n *node) {
	c.at = n.at
	before := len(r.all)
	readSection(r, n, c)
	c.broken = len(r.all) > before
}

func (c *stepConfig) schema() schema { return sectionSchema(&stepConfig{}) }

// stepList is the list of steps.
type stepList struct{ items []stepConfig }

func (l *stepList) read(r *report, n *node) {
	if n.kind == nullNode {
		return
	}
	if n.kind != sequenceNode {
		r.addf(n.at, "steps are a list, not %s; begin each with a dash: - name: ...", n.kind)
		return
	}
	l.items = make([]stepConfig, len(n.items))
	for i, item := range n.items {
		l.items[i].read(r, item)
	}
}

func (l *stepList) schema() schema {
	return schema{"type": "array", "items": sectionSchema(&stepConfig{})}
}

// windowConfig is the windows of a step: one of tumbling, sliding and
// session.
type windowConfig struct {
	tumbling span
	sliding  optional[slidingConfig]
	session  span
	offset   signedSpan
	lateness span
}

func (c *windowConfig) bind(b *binder) {
	b.describe("a window")
	b.key("tumbling", &c.tumbling, "windows of this size, one after the other")
	b.key("sliding", &c.sliding, "windows that overlap: {size: 1m, slide: 10s}")
	b.key("session", &c.session, "sessions of each key, which end after this time without a record")
	b.key("allowed_lateness", &c.lateness, "how long a window is kept after its end; each batch with late records makes its result anew")
	b.key("offset", &c.offset, "moves the windows, which are aligned to 1970-01-01 00:00 UTC")
}

type slidingConfig struct{ size, slide span }

func (c *slidingConfig) bind(b *binder) {
	b.describe("a sliding window")
	b.must("size", &c.size, "the length of each window")
	b.must("slide", &c.slide, "the time from one window to the next")
}

// topConfig ranks the records of each key and window.
type topConfig struct {
	n    whole
	by   expression
	rank text
}

func (c *topConfig) bind(b *binder) {
	b.describe("top")
	c.n.min = 1
	b.must("n", &c.n, "how many records of each key and window, the largest first")
	b.must("by", &c.by, "a number, text, time or duration to rank them by; -x for the smallest; records for which it is null are left out")
	b.key("rank", &c.rank, "a column to add with the place of the record, from 1")
}

// deduplicateConfig passes on one record of each key.
type deduplicateConfig struct {
	key    list[expression]
	within span
	keep   choice
}

func (c *deduplicateConfig) bind(b *binder) {
	b.describe("deduplicate")
	c.within.zero = true
	c.keep.words = []string{"arrival", "first", "last"}
	b.must("key", &c.key, "columns or expressions; records for which they are equal are duplicates")
	b.key("within", &c.within, "time of the clock, from the record passed on, for which its key is remembered; default 0, for ever")
	b.key("keep", &c.keep, "which record passes: arrival, the first to come; first, the one with the lowest event time; last, each that is the latest so far; default arrival")
}

// flatMapConfig makes a record for each element of a list.
type flatMapConfig struct {
	each expression
	as   text
	kind choice
	keep flag
}

func (c *flatMapConfig) bind(b *binder) {
	b.describe("flat_map")
	c.kind.words = kindNames
	b.must("each", &c.each, "an expression that gives a list, like split(tags, \",\")")
	b.must("as", &c.as, "the column that holds the element")
	b.key("type", &c.kind, "the type of the elements; default any")
	b.key("keep", &c.keep, "keep the other columns; default true")
}

// httpConfig asks a web service for each record.
type httpConfig struct {
	url         text
	method      choice
	headers     entries[text]
	body        expression
	columns     entries[columnConfig]
	inFlight    whole
	timeout     span
	retry       whole
	ordered     flag
	maxResponse size
}

func (c *httpConfig) bind(b *binder) {
	b.describe("http")
	c.method.words = []string{"GET", "POST", "PUT"}
	c.inFlight.min = 1
	b.must("url", &c.url, "the address, with expressions in braces: http://host/users/{user_id}")
	b.key("method", &c.method, "GET, POST or PUT; default GET")
	b.key("headers", &c.headers, "headers to send")
	b.key("body", &c.body, "an expression for the body of the request")
	b.must("columns", &c.columns, "columns to take from the JSON answer: name: type, or name: {type, from: path.in.answer}")
	b.key("in_flight", &c.inFlight, "requests under way of each subtask; default 64")
	b.key("timeout", &c.timeout, "time for one attempt; default 10s")
	b.key("retry", &c.retry, "how often a failed request is made again; default 0. Answers 429 and 503 are repeated without limit, after Retry-After")
	b.key("ordered", &c.ordered, "keep the order of the records; default true")
	b.key("max_response", &c.maxResponse, "bytes of an answer that are accepted; default 1MiB")
}
