package transform_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/window"
)

// stateless are the constructors of operators that remember nothing from one
// batch to the next.
var stateless = []string{
	"NewMap", "NewTryMap", "NewUpdate", "NewTryUpdate", "NewFilter", "NewTryFilter", "NewFlatMap", "NewSplit", "NewPass",
}

// stateful are the constructors of the others.
var stateful = map[string]operator.Operator{
	"NewAssignTimes":   transform.NewAssignTimes(nil, 0),
	"NewGenerateTimes": transform.NewGenerateTimes(nil, nil, 0),
	"NewAsync":         transform.NewAsync(transform.AsyncConfig{}, func(context.Context, *int) (int, error) { return 0, nil }),
	"NewBulk":          transform.NewBulk(transform.AsyncConfig{}, func(context.Context, []int) ([]int, error) { return nil, nil }),
	"NewLookup": transform.NewLookup(transform.AsyncConfig{CacheEntries: 1}, func(*int) int { return 0 },
		func(context.Context, int) (int, bool, error) { return 0, false, nil }, func(*int, *int) int { return 0 }, nil),
	"NewRolling":   transform.NewRolling(keyOf, collect.Add, func(string, *[]int) int { return 0 }, table[[]int]()),
	"NewWindow":    transform.NewWindow(window.Tumbling(1), keyOf, collect, transform.EachResult(func(string, window.Window, *[]int) int { return 0 }), table[[]int]()),
	"NewTriggered": transform.NewTriggered(window.Tumbling(1), window.Firing{}, keyOf, collect, emitDescription, table[transform.Cell[[]int]]()),
	"NewSession":   transform.NewSession(window.Session(1), window.Firing{}, keyOf, collect, emitDescription, table[transform.Activity[[]int]]()),
	"NewCount":     transform.NewCount(window.Count(1), keyOf, collect, emitDescription, table[transform.Counted[[]int]]()),
	"NewCombine":   transform.NewCombine(window.Tumbling(1), keyOf, func(event.Batch) {}, collect, memory.NewTable[string, transform.Part[[]int]], true),
	"NewWindowJoin": transform.NewWindowJoin(keyOf, keyOf, transform.Match[string, arrival, arrival, int]{},
		func(func(*transform.Either[arrival, arrival]) string, transform.Fold[transform.Either[arrival, arrival], transform.Sides[arrival, arrival]], transform.Result[string, transform.Sides[arrival, arrival], int]) operator.Operator {
			return nil
		}),
	"NewProcess": transform.NewProcess[uint64, uint64, int64](keyItself, &function{}, transform.InMemory(memory.NewBackend[uint64]), nil),
	"NewPorted":  transform.NewPorted[uint64, int64](&function{}, transform.InMemory(memory.NewBackend[uint64]), nil),
	"NewInterval": transform.NewInterval(keyOf, keyOf, transform.Interval[arrival, arrival, int]{Upper: time.Second},
		transform.InMemory(memory.NewBackend[string])),
	"NewTemporal": transform.NewTemporal(keyOf, keyOf, false, func(*arrival, *arrival) int { return 0 }, transform.InMemory(memory.NewBackend[string])),
}

// What an operator does not hand over at a snapshot is lost. So each one must be
// in one of the lists.
func TestOperatorsHandOverWhatTheyRemember(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !f.Name.IsExported() || !returnsOperator(f) {
				continue
			}
			found++
			_, remembers := stateful[f.Name.Name]
			if remembers == slices.Contains(stateless, f.Name.Name) {
				t.Errorf("%s: %s must be in one of the lists of operators that remember something, and that do not", e.Name(), f.Name.Name)
			}
		}
	}
	if found != len(stateless)+len(stateful) {
		t.Errorf("there are %d operators, and %d in the lists", found, len(stateless)+len(stateful))
	}
	for name, op := range stateful {
		if _, ok := op.(operator.Stateful); !ok {
			t.Errorf("%s: what the operator remembers is lost when the job is recovered: it is not operator.Stateful", name)
		}
	}
}

func returnsOperator(f *ast.FuncDecl) bool {
	if f.Type.Results == nil || len(f.Type.Results.List) != 1 {
		return false
	}
	s, ok := f.Type.Results.List[0].Type.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := s.X.(*ast.Ident)
	return ok && pkg.Name == "operator" && s.Sel.Name == "Operator"
}
