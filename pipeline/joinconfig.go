package pipeline

// joinConfig joins the records of a step with those of another stream.
type joinConfig struct {
	with     text
	key      list[expression]
	leftKey  list[expression]
	rightKey list[expression]
	kind     choice
	window   optional[windowConfig]
	between  list[signedSpan]
	asOf     flag
	prefix   text
	set      entries[expression]
}

func (c *joinConfig) bind(b *binder) {
	b.describe("join")
	c.kind.words = []string{"inner", "left", "right", "full"}
	b.must("with", &c.with, "the source, step or branch to join with: the right side; from is the left one")
	b.key("key", &c.key, "columns or expressions that have one name on both sides; records meet when they are equal, and null equals nothing")
	b.key("left_key", &c.leftKey, "the key of the left side, where it differs")
	b.key("right_key", &c.rightKey, "the key of the right side, where it differs")
	b.key("kind", &c.kind, "inner: pairs; left, right, full: also records of that side, or of both, that meet none; default inner")
	b.key("window", &c.window, "join the records of a window")
	b.key("between", &c.between, "join right records whose event time is so far from the left one's: [-5m, 0] is the five minutes before")
	b.key("as_of", &c.asOf, "join the last right record up to the left one's event time: the version that was valid then")
	b.key("prefix", &c.prefix, `what the names of right columns begin with in the result; default "right_"`)
	b.key("set", &c.set, "columns to add to those of the left side, instead of all right ones: name: expression of the columns of both")
}
