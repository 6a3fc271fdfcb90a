package pipeline

import (
	"slices"
	"strings"
)

// A section of the configuration lists its keys once, with the place to put
// each value and a line of documentation; reading, the advice on misspelt keys
// and the JSON Schema all follow from that list.
type section interface{ bind(b *binder) }

// target is where the value of a key goes.
type target interface {
	read(r *report, n *node)
	schema() schema
}

type binding struct {
	key, doc string
	to       target
	required bool
}

type binder struct {
	what     string // "a step", for messages
	bindings []binding
}

// describe names the section in messages: "a step".
func (b *binder) describe(what string) { b.what = what }

func (b *binder) key(name string, to target, doc string) {
	b.bindings = append(b.bindings, binding{key: name, doc: doc, to: to})
}

func (b *binder) must(name string, to target, doc string) {
	b.bindings = append(b.bindings, binding{key: name, doc: doc, to: to, required: true})
}

func bindingsOf(s section) *binder {
	b := &binder{}
	s.bind(b)
	return b
}

// readSection fills a section from a mapping.
func readSection(r *report, n *node, s section) {
	b := bindingsOf(s)
	if n.kind != mappingNode {
		if n.kind != nullNode || b.needs() {
			r.addf(n.at, "%s is a mapping, not %s; its keys are %s", b.what, n.kind, strings.Join(b.names(), ", "))
		}
		return
	}
	var meant []string // keys that are there, misspelt
	for _, e := range n.entries {
		to := b.find(e.key)
		if to == nil {
			r.addf(e.at, "unknown key %q of %s%s", e.key, b.what, suggest(e.key, b.names()))
			meant = append(meant, closest(e.key, b.names()))
			continue
		}
		if f, ok := to.(interface{ found(at place) }); ok {
			f.found(e.at)
		}
		to.read(r, e.value)
	}
	for _, k := range b.bindings {
		if k.required && n.get(k.key) == nil && !slices.Contains(meant, k.key) {
			r.addf(n.at, "%s needs the key %q: %s", b.what, k.key, k.doc)
		}
	}
}

func (b *binder) needs() bool {
	for _, k := range b.bindings {
		if k.required {
			return true
		}
	}
	return false
}

func (b *binder) names() []string {
	out := make([]string, len(b.bindings))
	for i, k := range b.bindings {
		out[i] = k.key
	}
	return out
}

func (b *binder) find(key string) target {
	for _, k := range b.bindings {
		if k.key == key {
			return k.to
		}
	}
	return nil
}

// optional is a section that may be absent.
type optional[S any] struct {
	value S
	at    place // of the key
	given bool
}

func (o *optional[S]) found(at place) { o.at, o.given = at, true }

func (o *optional[S]) read(r *report, n *node) {
	o.given = true
	if o.at == (place{}) {
		o.at = n.at
	}
	readSection(r, n, any(&o.value).(section))
}

func (o *optional[S]) schema() schema {
	var zero S
	return sectionSchema(any(&zero).(section))
}

// entries is a mapping whose keys are names chosen by the user, in order.
type entries[S any] struct {
	list []named[S]
	at   place
}

type named[S any] struct {
	name  string
	at    place // of the name
	value S
}

func (e *entries[S]) found(at place) { e.at = at }

func (e *entries[S]) read(r *report, n *node) {
	if n.kind != mappingNode {
		r.addf(n.at, "a mapping from names to their descriptions belongs here, not %s", n.kind)
		return
	}
	e.list = make([]named[S], 0, len(n.entries))
	for _, entry := range n.entries {
		e.list = append(e.list, named[S]{name: entry.key, at: entry.at})
		readInto(r, entry.value, &e.list[len(e.list)-1].value)
	}
}

func (e *entries[S]) schema() schema {
	return schema{"type": "object", "additionalProperties": schemaOf(new(S))}
}

// list is a sequence, or a single element that stands for a list of one.
type list[S any] struct {
	items []S
	at    place
	given bool
}

func (l *list[S]) found(at place) { l.at, l.given = at, true }

func (l *list[S]) read(r *report, n *node) {
	l.given = true
	if n.kind != sequenceNode {
		l.items = make([]S, 1)
		readInto(r, n, &l.items[0])
		return
	}
	l.items = make([]S, len(n.items))
	for i, item := range n.items {
		readInto(r, item, &l.items[i])
	}
}

func (l *list[S]) schema() schema {
	one := schemaOf(new(S))
	return schema{"anyOf": []any{one, schema{"type": "array", "items": one}}}
}

// readInto reads a target or a section.
func readInto(r *report, n *node, to any) {
	switch to := to.(type) {
	case target:
		to.read(r, n)
	case section:
		readSection(r, n, to)
	}
}

func schemaOf(to any) schema {
	switch to := to.(type) {
	case target:
		return to.schema()
	case section:
		return sectionSchema(to)
	}
	return schema{}
}
