package archtest

import (
	"go/ast"
	"go/token"
	"maps"
	"path"
)

// CheckSleep finds time.Sleep in tests, which makes them slow and still not
// safe. Inside of synctest.Test the clock is not a real one, and Sleep is how
// to move it: there it is allowed, and in functions of the package that are
// used from there only.
func CheckSleep(t *Tree) []Problem {
	var out []Problem
	names, files := t.packages()
	for _, pkg := range names {
		uses := usesOf(files[pkg])
		bubbled := bubbledFuncs(uses)
		for _, u := range uses {
			if u.sleep && !u.bubble && !bubbled[u.in] {
				out = append(out, t.at(u.file, u.pos, "time.Sleep in a test; wait for a signal, or run in testing/synctest"))
			}
		}
	}
	return out
}

// use is a name that occurs in a function of a test file.
type use struct {
	file   *File
	pos    token.Pos
	name   string
	in     string // the function; "" outside of any
	bubble bool   // within a call of synctest.Test
	sleep  bool   // it is time.Sleep
}

func usesOf(files []*File) []use {
	var out []use
	for _, f := range files {
		if !f.Test {
			continue
		}
		for _, d := range f.AST.Decls {
			in := ""
			if fn, ok := d.(*ast.FuncDecl); ok {
				in = fn.Name.Name
			}
			out = collectUses(out, f, d, in, false)
		}
	}
	return out
}

func collectUses(out []use, f *File, n ast.Node, in string, bubble bool) []use {
	clock, synctest := importedAs(f, "time"), importedAs(f, "testing/synctest")
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if !bubble && selects(n.Fun, synctest, "Test") {
				for _, arg := range n.Args {
					out = collectUses(out, f, arg, in, true)
				}
				return false
			}
		case *ast.SelectorExpr:
			if selects(n, clock, "Sleep") {
				out = append(out, use{f, n.Pos(), "Sleep", in, bubble, true})
				return false
			}
		case *ast.FuncDecl:
			out = collectUses(out, f, n.Type, in, bubble)
			if n.Body != nil {
				out = collectUses(out, f, n.Body, in, bubble)
			}
			return false
		case *ast.Ident:
			out = append(out, use{f, n.Pos(), n.Name, in, bubble, clock == "." && n.Name == "Sleep"})
		}
		return true
	})
	return out
}

// bubbledFuncs are the functions that are used, and only within synctest.Test
// or by one another.
func bubbledFuncs(uses []use) map[string]bool {
	in, used := map[string]bool{}, map[string]bool{}
	for _, u := range uses {
		in[u.in], used[u.name] = true, true
	}
	maps.DeleteFunc(in, func(name string, _ bool) bool { return name == "" || !used[name] })
	for again := true; again; {
		again = false
		for _, u := range uses {
			if in[u.name] && !u.bubble && !in[u.in] {
				delete(in, u.name)
				again = true
			}
		}
	}
	return in
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
