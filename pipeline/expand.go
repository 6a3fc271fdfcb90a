package pipeline

import (
	"fmt"
	"regexp"
	"strings"
)

// maxExpanded bounds a scalar after its variables have been replaced.
const maxExpanded = 1 << 20

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand replaces ${VAR} and ${VAR:default} in all scalars of the tree; $${
// stands for ${. Values of variables are not expanded again.
func (r *report) expand(n *node, lookup func(string) (string, bool)) {
	switch n.kind {
	case scalarNode:
		if !strings.Contains(n.text, "${") {
			return
		}
		out, column, err := expandText(n.text, lookup)
		if err != nil {
			before := n.text[:column]
			line := strings.Count(before, "\n") + 1
			if i := strings.LastIndexByte(before, '\n'); i >= 0 {
				before = before[i+1:]
			}
			r.addf(n.within(r, line, len([]rune(before))), "%v", err)
		}
		n.text, n.exact, n.block = out, false, false
	case mappingNode:
		for _, e := range n.entries {
			r.expand(e.value, lookup)
		}
	case sequenceNode:
		for _, i := range n.items {
			r.expand(i, lookup)
		}
	}
}

// expandText returns the text with its variables replaced, or an error and the
// index of the variable it is about.
func expandText(text string, lookup func(string) (string, bool)) (string, int, error) {
	var b strings.Builder
	for i := 0; i < len(text); {
		rest := text[i:]
		switch {
		case strings.HasPrefix(rest, "$${"):
			b.WriteString("${")
			i += 3
		case strings.HasPrefix(rest, "${"):
			end := strings.IndexByte(rest, '}')
			if end < 0 {
				return text, i, fmt.Errorf("the variable has no closing }; write ${VAR} or ${VAR:default}, or $${ for a plain ${")
			}
			name, fallback, has := strings.Cut(rest[2:end], ":")
			if !variableName.MatchString(name) {
				return text, i, fmt.Errorf("%q is not the name of a variable; write ${VAR} or ${VAR:default}, or $${ for a plain ${", name)
			}
			value, ok := lookup(name)
			if !ok && !has {
				return text, i, fmt.Errorf("the environment variable %s is not set; set it, or give a default: ${%s:value}", name, name)
			}
			if !ok {
				value = fallback
			}
			b.WriteString(value)
			i += end + 1
		default:
			b.WriteByte(text[i])
			i++
		}
		if b.Len() > maxExpanded {
			return text, 0, fmt.Errorf("the text is longer than %d bytes after its variables have been replaced", maxExpanded)
		}
	}
	return b.String(), 0, nil
}
