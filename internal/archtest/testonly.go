package archtest

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

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
