package pipeline

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// MaxFile is the largest pipeline file in bytes.
const MaxFile = 1 << 20

// maxDepth bounds how deep mappings and sequences nest.
const maxDepth = 64

type nodeKind uint8

const (
	nullNode nodeKind = iota
	scalarNode
	mappingNode
	sequenceNode
)

func (k nodeKind) String() string {
	return [...]string{"nothing", "a value", "a mapping", "a list"}[k]
}

// node is the tree of the text: scalars keep their spelling, because what type
// a value has is decided by who reads it, after ${VAR} has been replaced.
type node struct {
	kind    nodeKind
	at      place
	text    string // of a scalar
	quoted  bool
	exact   bool // text stands in the file character by character from at on
	block   bool // text is a literal block whose lines begin on the line after at
	entries []entryNode
	items   []*node
}

type entryNode struct {
	key   string
	at    place
	value *node
}

// get returns the value of a key, or nil.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for _, e := range n.entries {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

// parseTree reads the text of a pipeline. It returns nil after a syntax error,
// which is the only stage that stops at the first problem.
func parseTree(r *report, text []byte) (root *node) {
	if len(text) > MaxFile {
		r.addf(place{}, "the file has %d bytes, more than the %d that a pipeline may have", len(text), MaxFile)
		return nil
	}
	if !utf8.Valid(text) {
		r.addf(place{line: 1, column: 1}, "the file is not UTF-8 text")
		return nil
	}
	if deep := nesting(text); deep > maxDepth {
		r.addf(place{line: 1, column: 1}, "brackets nest more than %d deep", maxDepth)
		return nil
	}
	defer func() { // the YAML library has panicked on malformed input
		if p := recover(); p != nil {
			r.addf(place{line: 1, column: 1}, "not valid YAML: %v", p)
			root = nil
		}
	}()
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		r.addSyntax(err)
		return nil
	}
	var body ast.Node
	for _, d := range file.Docs {
		switch {
		case d.Body == nil || d.Body.Type() == ast.CommentType || d.Body.Type() == ast.CommentGroupType:
		case body != nil:
			r.addf(placeOf(d.Body), "a second document: a file holds one pipeline; move this one to a file of its own")
			return nil
		default:
			body = d.Body
		}
	}
	if body == nil {
		r.addf(place{line: 1, column: 1}, "the file is empty; a pipeline has the keys name, sources, steps and sinks")
		return nil
	}
	return r.convert(body, 0)
}

var tokenPosition = regexp.MustCompile(` at \[\d+:\d+\]`)

func (r *report) addSyntax(err error) {
	at, message := place{line: 1, column: 1}, err.Error()
	if e, ok := errors.AsType[yaml.Error](err); ok {
		message = tokenPosition.ReplaceAllString(e.GetMessage(), " above; write it once")
		if t := e.GetToken(); t != nil && t.Position != nil {
			at.line, at.column = t.Position.Line, t.Position.Column
		}
	}
	r.addf(at, "not valid YAML: %s%s", strings.Join(strings.Fields(strings.ReplaceAll(message, "\t", `\t`)), " "), r.syntaxAdvice(at))
}

// syntaxAdvice guesses from the line what a mistake in the syntax comes from.
func (r *report) syntaxAdvice(at place) string {
	if at.line < 1 || at.line > len(r.lines) {
		return ""
	}
	switch line := r.lines[at.line-1]; {
	case strings.Contains(line, "${"):
		return `; inside { } and [ ] write a variable in quotes: "${VAR}"`
	case strings.Contains(line, "\t"):
		return "; indent with spaces, not with tabs"
	case strings.ContainsAny(line, "{[") && strings.Contains(line, "("):
		return "; inside { } and [ ] write an expression with a comma, a quote or a colon in quotes"
	}
	return ""
}

// nesting is the deepest nesting of flow brackets, an upper bound.
func nesting(text []byte) int {
	depth, deepest := 0, 0
	for _, c := range text {
		switch c {
		case '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ']', '}':
			depth = max(depth-1, 0)
		}
	}
	return deepest
}

func placeOf(n ast.Node) place {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return placeOf(m.Values[0].Key)
	}
	if m, ok := n.(*ast.MappingValueNode); ok {
		return placeOf(m.Key)
	}
	t := n.GetToken()
	if t == nil || t.Position == nil {
		return place{line: 1, column: 1}
	}
	return place{line: t.Position.Line, column: max(t.Position.Column, 1)}
}

func (r *report) convert(n ast.Node, depth int) *node {
	at := placeOf(n)
	if depth > maxDepth {
		r.addf(at, "nested more than %d deep", maxDepth)
		return &node{at: at}
	}
	switch n := n.(type) {
	case *ast.NullNode:
		return &node{at: at}
	case *ast.MappingNode:
		out := &node{kind: mappingNode, at: at}
		for _, v := range n.Values {
			r.convertEntry(out, v, depth)
		}
		return out
	case *ast.MappingValueNode:
		out := &node{kind: mappingNode, at: at}
		r.convertEntry(out, n, depth)
		return out
	case *ast.SequenceNode:
		out := &node{kind: sequenceNode, at: at}
		for _, v := range n.Values {
			out.items = append(out.items, r.convert(v, depth+1))
		}
		return out
	case *ast.LiteralNode:
		return &node{kind: scalarNode, at: at, text: strings.TrimRight(n.Value.Value, "\n"), quoted: true, block: n.Start.Type == token.LiteralType}
	case *ast.StringNode:
		quoted := n.Token.Type == token.DoubleQuoteType || n.Token.Type == token.SingleQuoteType
		exact := r.standsAt(at, n.Value, quoted)
		return &node{kind: scalarNode, at: at, text: n.Value, quoted: quoted, exact: exact}
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		r.addf(at, "anchors, aliases and merges are not part of a pipeline; write the value out, or use ${VAR}")
	case *ast.TagNode:
		r.addf(at, "tags are not part of a pipeline; remove it")
	case ast.ScalarNode: // numbers, booleans: by their spelling
		t := n.GetToken()
		return &node{kind: scalarNode, at: at, text: t.Value, exact: true}
	default:
		r.addf(at, "a %s has no meaning here", strings.ToLower(n.Type().String()))
	}
	return &node{at: at}
}

func (r *report) convertEntry(out *node, v *ast.MappingValueNode, depth int) {
	at := placeOf(v.Key)
	key, ok := v.Key.(ast.ScalarNode)
	if !ok {
		r.addf(at, "a key must be a plain name")
		return
	}
	name := fmt.Sprint(key.GetValue())
	if t := key.GetToken(); t != nil {
		name = t.Value
	}
	if out.get(name) != nil {
		r.addf(at, "the key %q stands here twice; remove one", name)
		return
	}
	value := r.convert(v.Value, depth+1)
	if value.kind == nullNode {
		value.at = at
	}
	out.entries = append(out.entries, entryNode{key: name, at: at, value: value})
}

// standsAt tells whether text is spelt in the file as it is.
func (r *report) standsAt(at place, text string, quoted bool) bool {
	if at.line < 1 || at.line > len(r.lines) {
		return false
	}
	if len(r.lines[at.line-1]) > maxShown {
		return false // not worth the time: such a line is not shown either
	}
	line := []rune(r.lines[at.line-1])
	from := at.column - 1
	if quoted {
		from++
	}
	return from >= 0 && from <= len(line) && strings.HasPrefix(string(line[from:]), text)
}

// within is the place of a character of a scalar's text, by line (from 1) and
// column (from 0) inside of it. Where escapes or variables have changed the
// text it is the scalar's beginning.
func (n *node) within(r *report, line, column int) place {
	at := n.at
	switch {
	case at.origin != "":
	case n.exact && line <= 1:
		at.column += column
		if n.quoted {
			at.column++
		}
	case n.block && at.line+line <= len(r.lines):
		first := r.lines[at.line] // its indentation is that of the block
		at.line += line
		at.column = len(first) - len(strings.TrimLeft(first, " ")) + column + 1
	}
	return at
}
