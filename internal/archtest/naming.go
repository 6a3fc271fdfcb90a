package archtest

import (
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
)

// vague are package names that say nothing about their contents, so that
// everything ends up in them.
var vague = []string{"util", "utils", "common", "helper", "helpers", "misc", "types"}

// CheckVagueNames finds packages and files with names that say nothing.
func CheckVagueNames(t *Tree) []Problem {
	var out []Problem
	for _, f := range t.Go {
		dir, file := path.Base(f.Package), strings.TrimSuffix(strings.TrimSuffix(path.Base(f.Path), ".go"), "_test")
		for _, name := range []string{dir, file, strings.TrimSuffix(f.AST.Name.Name, "_test")} {
			if slices.Contains(vague, name) {
				out = append(out, Problem{Path: f.Path, Text: `the name "` + name + `" says nothing; name it after the concept it holds`})
				break
			}
		}
	}
	return out
}

var (
	twinFile  = regexp.MustCompile(`^(.+?)_?(?:_(?:v?\d+|new|old|extra|more|copy|part\d*)|v\d+)$`)
	numbered  = regexp.MustCompile(`^(.*[^\d])\d+$`)
	twinIdent = regexp.MustCompile(`^(.+?)_?(?:[vV]\d+|New|Old|Extra|_new|_old|_extra)$`)
)

// CheckTwins finds a second version that stands beside the first: files like
// batch_v2.go, directories like new_api_old, names like ReaderV2 beside
// Reader. The old one is to be changed instead.
func CheckTwins(t *Tree) []Problem {
	var out []Problem
	names, files := t.packages()
	for _, pkg := range names {
		if pkg != "." && twinFile.MatchString(path.Base(pkg)) {
			out = append(out, Problem{Path: pkg, Text: "is named as a second version; change the first instead, or name the concept"})
		}
		stems := map[string]bool{}
		idents := declared(files[pkg])
		for _, f := range files[pkg] {
			stems[stem(f)] = true
		}
		for _, f := range files[pkg] {
			s := stem(f)
			m := numbered.FindStringSubmatch(s)
			if twinFile.MatchString(s) || m != nil && stems[m[1]] {
				out = append(out, Problem{Path: f.Path, Text: "is named as a second version; change the first instead, or name the concept"})
			}
		}
		for name, id := range idents {
			if m := twinIdent.FindStringSubmatch(name); m != nil && idents[m[1]] != nil {
				f := id.file
				out = append(out, t.at(f, id.name.Pos(), "%s stands beside %s; keep one", name, m[1]))
			}
		}
	}
	slices.SortFunc(out, func(a, b Problem) int { return strings.Compare(a.String(), b.String()) })
	return out
}

func stem(f *File) string {
	return strings.TrimSuffix(strings.TrimSuffix(path.Base(f.Path), ".go"), "_test")
}

type ident struct {
	file *File
	name *ast.Ident
}

// declared are the names at package level.
func declared(files []*File) map[string]*ident {
	out := map[string]*ident{}
	for _, f := range files {
		for _, d := range f.AST.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					out[d.Name.Name] = &ident{f, d.Name}
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					for _, n := range specNames(s) {
						out[n.Name] = &ident{f, n}
					}
				}
			}
		}
	}
	return out
}

func specNames(s ast.Spec) []*ast.Ident {
	switch s := s.(type) {
	case *ast.TypeSpec:
		return []*ast.Ident{s.Name}
	case *ast.ValueSpec:
		return s.Names
	}
	return nil
}
