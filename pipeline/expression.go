package pipeline

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"
)

// expression is the text of an expression in a pipeline.
type expression struct{ text }

func (e *expression) read(r *report, n *node) {
	if s, ok := e.scalar(r, n, "an expression"); ok {
		e.value = n.text
		if s == "" {
			r.addf(n.at, "an empty expression; write one, like delay > 0")
		}
	}
}

// formula is an expression compiled against the columns of a stream. It is
// immutable and may be evaluated by several goroutines.
type formula struct {
	source  string
	kind    kind
	column  int      // when the expression is no more than the name of a column, else -1
	names   []string // columns that it uses, with their indexes
	uses    []int
	program *vm.Program
	pool    *sync.Pool
}

// evaluation is the memory of one evaluation, used again and again.
type evaluation struct {
	vm  vm.VM
	env map[string]any
}

// compile checks an expression against columns and reports what is wrong with
// it. Text is a part of the scalar n that begins at offset.
func (r *report) compile(n *node, text string, offset int, cols *columns) *formula {
	trimmed := strings.TrimSpace(text)
	if trimmed == "" {
		r.addf(n.at, "an expression is missing")
		return nil
	}
	if i := cols.find(trimmed); i >= 0 {
		return &formula{source: trimmed, kind: cols.list[i].kind, column: i}
	}
	env := types.Map{}
	for _, c := range cols.list {
		env[c.name] = c.kind.exprType()
	}
	options := append([]expr.Option{expr.Env(env)}, functionOptions...)
	program, err := compileSafely(text, options)
	if err != nil {
		r.addExpression(n, text, offset, err, cols)
		return nil
	}
	f := &formula{source: trimmed, column: -1, program: program, kind: kindAny}
	if t := program.Node().Type(); t != nil {
		f.kind = kindOf(t)
	}
	used := &identifiers{}
	node := program.Node()
	ast.Walk(&node, used)
	for i, c := range cols.list {
		if slices.Contains(used.names, c.name) {
			f.names, f.uses = append(f.names, c.name), append(f.uses, i)
		}
	}
	f.pool = &sync.Pool{New: func() any { return &evaluation{env: make(map[string]any, len(f.names))} }}
	return f
}

// compileSafely turns a panic of the compiler into an error: what it is given
// was written by hand.
func compileSafely(text string, options []expr.Option) (p *vm.Program, err error) {
	defer func() {
		if v := recover(); v != nil {
			p, err = nil, fmt.Errorf("the expression cannot be compiled: %v", v)
		}
	}()
	return expr.Compile(text, options...)
}

type identifiers struct{ names []string }

func (v *identifiers) Visit(n *ast.Node) {
	if id, ok := (*n).(*ast.IdentifierNode); ok {
		v.names = append(v.names, id.Value)
	}
}

var unknownName = regexp.MustCompile(`^unknown name (\S+)$`)

// addExpression reports an error of the compiler where it is in the file.
func (r *report) addExpression(n *node, text string, offset int, err error, cols *columns) {
	message, line, column := err.Error(), 1, 0
	if e, ok := errors.AsType[*file.Error](err); ok {
		message, line, column = e.Message, max(e.Line, 1), e.Column
	}
	if line == 1 {
		column += len([]rune(n.text[:min(offset, len(n.text))]))
	}
	if m := unknownName.FindStringSubmatch(message); m != nil {
		candidates := cols.names()
		if strings.HasPrefix(strings.TrimLeft(text[strings.Index(text, m[1])+len(m[1]):], " "), "(") {
			message = fmt.Sprintf("unknown function %q%s", m[1], didYouMean(m[1], functionNames()))
		} else {
			message = fmt.Sprintf("unknown column %q%s", m[1], suggest(m[1], candidates))
		}
	}
	r.addf(n.within(r, line, column), "%s", message)
}

// eval evaluates the formula for a row.
func (f *formula) eval(row *Row) (any, error) {
	if f.column >= 0 {
		return row.values[f.column], nil
	}
	e := f.pool.Get().(*evaluation)
	for i, c := range f.uses {
		e.env[f.names[i]] = row.values[c]
	}
	v, err := e.vm.Run(f.program, e.env)
	f.pool.Put(e)
	if err != nil {
		return nil, f.explain(err)
	}
	return normal(v), nil
}

func (f *formula) explain(err error) error {
	message := err.Error()
	if e, ok := errors.AsType[*file.Error](err); ok {
		message = e.Message
	}
	if strings.Contains(message, "nil") {
		message += "; a value is missing (null): give another in its place with (column ?? value)"
	}
	return fmt.Errorf("in %q: %s", f.source, message)
}

// evalTo is eval with a check that the value is of the formula's kind.
func (f *formula) evalTo(row *Row, k kind) (any, error) {
	v, err := f.eval(row)
	if err != nil || v == nil {
		return v, err
	}
	if v, err = k.coerce(v); err != nil {
		return nil, fmt.Errorf("in %q: %w", f.source, err)
	}
	return v, nil
}

// evalBool evaluates a condition; null counts as false.
func (f *formula) evalBool(row *Row) (bool, error) {
	v, err := f.eval(row)
	if err != nil || v == nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, fmt.Errorf("in %q: %v is neither true nor false", f.source, v)
	}
	return b, nil
}

// compileExpression compiles a whole scalar.
func (r *report) compileExpression(e *expression, cols *columns) *formula {
	if e.node == nil || cols == nil {
		return nil
	}
	return r.compile(e.node, e.value, 0, cols)
}

// compileCondition compiles a scalar that must be true or false.
func (r *report) compileCondition(e *expression, cols *columns) *formula {
	f := r.compileExpression(e, cols)
	if f != nil && f.kind != kindBool && f.kind != kindAny {
		r.addf(e.at(), "a condition is true or false, but %s is of type %s; compare it, like %s == ...", f.source, f.kind, f.source)
		return nil
	}
	return f
}

func functionNames() []string {
	out := make([]string, 0, len(functions)+len(builtin.Builtins))
	for _, f := range functions {
		out = append(out, f.name)
	}
	for _, b := range builtin.Builtins {
		out = append(out, b.Name)
	}
	return out
}
