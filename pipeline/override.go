package pipeline

import (
	"fmt"
	"strconv"
	"strings"
)

// override carries out one --set path=value on the tree. A path is made of
// keys joined by dots; an element of a list is named by its name or by its
// index. Missing mappings are made on the way: whether the keys exist is
// decided when the tree is read.
func (r *report) override(root *node, setting string) {
	at := place{origin: "--set " + setting}
	path, value, ok := strings.Cut(setting, "=")
	if !ok || path == "" {
		r.addf(at, "not of the form path=value, like sources.clicks.file.path=clicks.csv")
		return
	}
	keys := strings.Split(path, ".")
	if len(keys) > maxDepth {
		r.addf(at, "the path has more than %d parts", maxDepth)
		return
	}
	target := root
	for i, key := range keys {
		where := strings.Join(keys[:i], ".")
		next, err := target.child(key, at)
		if err != nil {
			if where != "" {
				r.addf(at, "in %s: %v", where, err)
			} else {
				r.addf(at, "%v", err)
			}
			return
		}
		target = next
	}
	*target = *parseValue(value, at)
}

// child is the element of a mapping or a list to go on with; for a mapping it
// is made if it does not exist.
func (n *node) child(key string, at place) (*node, error) {
	if key == "" {
		return nil, fmt.Errorf("an empty part in the path")
	}
	if n.kind == sequenceNode {
		var names []string
		for _, item := range n.items {
			if name := item.get("name"); name != nil {
				if name.text == key {
					return item, nil
				}
				names = append(names, name.text)
			}
		}
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(n.items) {
			return n.items[i], nil
		}
		return nil, fmt.Errorf("the list has no element %q (%d elements, counted from 0)%s", key, len(n.items), suggest(key, names))
	}
	if n.kind == scalarNode {
		return nil, fmt.Errorf("%q is a value, it has no key %q", n.text, key)
	}
	for _, e := range n.entries {
		if e.key == key {
			return e.value, nil
		}
	}
	if n.kind == nullNode {
		*n = node{kind: mappingNode, at: at}
	}
	value := &node{at: at}
	n.entries = append(n.entries, entryNode{key: key, at: at, value: value})
	return value, nil
}

// parseValue reads the value of a --set: YAML where it is a list or a mapping
// in brackets, else the text as it is.
func parseValue(text string, at place) *node {
	if strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{") {
		inner := newReport("", []byte(text))
		if tree := parseTree(inner, []byte(text)); tree != nil && len(inner.all) == 0 {
			tree.move(at)
			return tree
		}
	}
	return &node{kind: scalarNode, at: at, text: text}
}

func (n *node) move(at place) {
	n.at, n.exact, n.block = at, false, false
	for i := range n.entries {
		n.entries[i].at = at
		n.entries[i].value.move(at)
	}
	for _, i := range n.items {
		i.move(at)
	}
}
