package archtest

import (
	"slices"
	"strings"
)

// CheckTable proves that the table itself only points down: every name in May
// is a row above, and no package has two rows.
func CheckTable(table []Layer) []Problem {
	var out []Problem
	var above []string
	for _, row := range table {
		if slices.Contains(above, row.Package) {
			out = append(out, Problem{Path: row.Package, Text: "has two rows in the table; merge them"})
		}
		for _, m := range strings.Fields(row.May) {
			if m != "*" && !slices.Contains(above, m) {
				out = append(out, Problem{Path: row.Package, Text: "may import " + m +
					", which has no row above it; imports point down: move the row, or turn the dependency round"})
			}
		}
		above = append(above, row.Package)
	}
	return out
}

// CheckLayers finds packages without a row and imports that the table does
// not allow.
func CheckLayers(t *Tree, table []Layer) []Problem {
	var out []Problem
	names, files := t.packages()
	for _, pkg := range names {
		row := rowOf(table, pkg)
		if row < 0 {
			out = append(out, Problem{Path: pkg, Text: "is not in the table of internal/archtest; add a row with what it may import"})
			continue
		}
		for _, f := range files[pkg] {
			if !f.Test {
				out = append(out, checkImports(t, table, row, f)...)
			}
		}
	}
	return out
}

func checkImports(t *Tree, table []Layer, row int, f *File) []Problem {
	var out []Problem
	for _, spec := range f.AST.Imports {
		to, ok := ours(importPath(spec))
		if !ok {
			continue
		}
		target := rowOf(table, to)
		switch {
		case target < 0:
			out = append(out, t.at(f, spec.Pos(), "imports %s, which is not in the table of internal/archtest", to))
		case !allowed(table, row, target):
			out = append(out, t.at(f, spec.Pos(), "%s may not import %s; it may import: %s",
				table[row].Package, to, orNothing(table[row].May)))
		}
	}
	return out
}

// rowOf finds the row of a package: its own, or that of the longest pattern.
// It returns -1 if there is none.
func rowOf(table []Layer, pkg string) int {
	best, length := -1, -1
	for i, row := range table {
		if row.Package == pkg {
			return i
		}
		prefix, pattern := strings.CutSuffix(row.Package, "*")
		if pattern && strings.HasPrefix(pkg, prefix) && len(prefix) > length {
			best, length = i, len(prefix)
		}
	}
	return best
}

// allowed tells whether packages of one row may import those of another.
func allowed(table []Layer, from, to int) bool {
	for _, m := range strings.Fields(table[from].May) {
		if m == table[to].Package || m == "*" && to < from {
			return true
		}
	}
	return false
}

func orNothing(s string) string {
	if s == "" {
		return "nothing of ours"
	}
	return s
}
