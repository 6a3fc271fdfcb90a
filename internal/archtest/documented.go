package archtest

import (
	"go/ast"
	"regexp"
	"slices"
	"strings"
)

// CheckPackageComments finds packages that do not say what they are for, in
// the form that go doc knows.
func CheckPackageComments(t *Tree) []Problem {
	var out []Problem
	names, files := t.packages()
	for _, pkg := range names {
		if !slices.ContainsFunc(files[pkg], hasPackageComment) {
			out = append(out, Problem{Path: pkg, Text: `no package comment; begin one with "Package ` +
				files[pkg][0].AST.Name.Name + `" (a command: "Command" or its name) that says what it is for`})
		}
	}
	return out
}

func hasPackageComment(f *File) bool {
	if f.AST.Doc == nil {
		return false
	}
	text, name := f.AST.Doc.Text(), f.AST.Name.Name
	if name == "main" {
		return strings.TrimSpace(text) != ""
	}
	rest, ok := strings.CutPrefix(text, "Package "+name)
	return ok && rest != "" && strings.ContainsAny(rest[:1], " \n,")
}

// CheckExportedComments finds exported names of public packages without a doc
// comment: functions, methods of exported types, types, constants, variables.
// A comment on a group of constants or variables is enough for its members.
func CheckExportedComments(t *Tree) []Problem {
	var out []Problem
	for _, f := range t.Go {
		if f.Test || f.Generated || slices.Contains(strings.Split(f.Package, "/"), "internal") {
			continue
		}
		for _, d := range f.AST.Decls {
			for _, n := range undocumented(d) {
				out = append(out, t.at(f, n.Pos(), "%s has no doc comment; say what it is, with units, bounds and errors", n.Name))
			}
		}
	}
	return out
}

// undocumented lists the exported names of a declaration without a comment.
func undocumented(d ast.Decl) []*ast.Ident {
	var out []*ast.Ident
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && !said(d.Doc) && (d.Recv == nil || ast.IsExported(receiver(d.Recv.List[0].Type))) {
			out = append(out, d.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && !said(s.Doc) && (d.Lparen.IsValid() || !said(d.Doc)) {
					out = append(out, s.Name)
				}
			case *ast.ValueSpec:
				if said(d.Doc) || said(s.Doc) || said(s.Comment) {
					continue
				}
				for _, n := range s.Names {
					if n.IsExported() {
						out = append(out, n)
					}
				}
			}
		}
	}
	return out
}

func said(c *ast.CommentGroup) bool { return c != nil && strings.TrimSpace(c.Text()) != "" }

// receiver is the name of a receiver's type without pointer and parameters.
func receiver(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

var unfinished = regexp.MustCompile(`\b(?:TODO|FIXME|XXX|HACK)\b`)

// CheckUnfinished finds comments that put work off: what is not done belongs
// in the issue tracker.
func CheckUnfinished(t *Tree) []Problem {
	var out []Problem
	for _, f := range t.Go {
		for _, g := range f.AST.Comments {
			for _, c := range g.List {
				if m := unfinished.FindString(c.Text); m != "" {
					out = append(out, t.at(f, c.Pos(), "%s in a comment; do it, or file an issue", m))
				}
			}
		}
	}
	return out
}
