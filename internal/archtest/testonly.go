package archtest

import (
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
)

// CheckSleep finds time.Sleep in tests, which makes them slow and still not
// safe. Inside of synctest.Test the clock is not a real one, and Sleep is how
// to move it: there it is allowed.
func CheckSleep(t *Tree) []Problem {
	var out []Problem
	for _, f := range t.Go {
		clock := importedAs(f, "time")
		if !f.Test || clock == "" {
			continue
		}
		bubble := importedAs(f, "testing/synctest")
		ast.Inspect(f.AST, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				return !selects(n.Fun, bubble, "Test")
			case *ast.SelectorExpr:
				if selects(n, clock, "Sleep") {
					out = append(out, t.at(f, n.Pos(), "time.Sleep in a test; wait for a signal, or run in testing/synctest"))
				}
			case *ast.Ident:
				if clock == "." && n.Name == "Sleep" {
					out = append(out, t.at(f, n.Pos(), "time.Sleep in a test; wait for a signal, or run in testing/synctest"))
				}
			}
			return true
		})
	}
	return out
}

// importedAs is the name under which a file knows an import, "" if it does
// not have it.
func importedAs(f *File, want string) string {
	for _, spec := range f.AST.Imports {
		if importPath(spec) != want {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(want)
	}
	return ""
}

// selects tells whether e is pkg.name.
func selects(e ast.Expr, pkg, name string) bool {
	s, ok := e.(*ast.SelectorExpr)
	if !ok || pkg == "" || s.Sel.Name != name {
		return false
	}
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == pkg
}

// forTests are packages outside of the module that only tests use.
var forTests = []string{
	"testing", "net/http/httptest", "go.uber.org/goleak", "pgregory.net/rapid",
	"github.com/stretchr/testify", "github.com/google/go-cmp",
}

// CheckTestingImports finds code of the product that imports what is made for
// tests. The kits, whose names end in "test", and the benchmarks may.
func CheckTestingImports(t *Tree) []Problem {
	var out []Problem
	for _, f := range t.Go {
		if f.Test || isKit(f.Package) {
			continue
		}
		for _, spec := range f.AST.Imports {
			p := importPath(spec)
			own, isOwn := ours(p)
			if isOwn && isKit(own) || !isOwn && slices.ContainsFunc(forTests, func(x string) bool { return p == x || strings.HasPrefix(p, x+"/") }) {
				out = append(out, t.at(f, spec.Pos(), "imports %s, which is for tests; move the code to a _test.go file or a kit", strconv.Quote(p)))
			}
		}
	}
	return out
}

func isKit(pkg string) bool {
	return pkg == "bench" || strings.HasPrefix(pkg, "bench/") || pkg != "." && strings.HasSuffix(path.Base(pkg), "test")
}
