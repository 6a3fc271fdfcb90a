package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Tree is the source of the module, parsed.
type Tree struct {
	fset *token.FileSet
	// Go are the Go files, Text the other files that people write.
	Go   []*File
	Text []*File
}

// File is one file of the tree.
type File struct {
	// Path is relative to the module, with slashes.
	Path string
	// Package is the directory of Path: the package in the terms of Table.
	Package string
	Test    bool
	// Generated files say so in the form that the go command knows.
	Generated bool
	Source    []byte
	AST       *ast.File // nil in Text
}

// Problem is a broken rule: where, what is wrong, and what to do.
type Problem struct {
	Path string
	Line int // 0: the file or package as a whole
	Text string
}

// String formats the problem like a compiler.
func (p Problem) String() string {
	if p.Line == 0 {
		return p.Path + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d: %s", p.Path, p.Line, p.Text)
}

// maxText is the size of the largest file that is taken for text.
const maxText = 1 << 20

// Load parses every Go file under root and reads the other text files.
// Nested modules are part of the tree. A file that does not parse is an
// error.
func Load(root fs.FS) (*Tree, error) {
	t := &Tree{fset: token.NewFileSet()}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipDir(d.Name()):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		case strings.HasSuffix(name, ".go") && !underTestdata(name):
			return t.addGo(root, name)
		}
		return t.addText(root, name)
	})
	return t, err
}

// skipDir names the directories that hold nothing people wrote.
func skipDir(name string) bool {
	switch name {
	case ".git", ".cache", "bin", "dist", "vendor", "node_modules":
		return true
	}
	return strings.HasPrefix(name, "_")
}

func underTestdata(name string) bool {
	return slices.Contains(strings.Split(name, "/"), "testdata")
}

func (t *Tree) addGo(root fs.FS, name string) error {
	src, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	parsed, err := parser.ParseFile(t.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	t.Go = append(t.Go, &File{
		Path: name, Package: path.Dir(name), Source: src, AST: parsed,
		Test: strings.HasSuffix(name, "_test.go"), Generated: ast.IsGenerated(parsed),
	})
	return nil
}

func (t *Tree) addText(root fs.FS, name string) error {
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || st.Size() > maxText {
		return err
	}
	src, err := fs.ReadFile(root, name)
	if err != nil || bytes.IndexByte(src, 0) >= 0 {
		return err
	}
	t.Text = append(t.Text, &File{Path: name, Package: path.Dir(name), Source: src})
	return nil
}

// at makes a problem of a place in a Go file.
func (t *Tree) at(f *File, pos token.Pos, format string, args ...any) Problem {
	return Problem{Path: f.Path, Line: t.fset.Position(pos).Line, Text: fmt.Sprintf(format, args...)}
}

// packages groups the Go files by package, in order of path.
func (t *Tree) packages() (names []string, files map[string][]*File) {
	files = map[string][]*File{}
	for _, f := range t.Go {
		if files[f.Package] == nil {
			names = append(names, f.Package)
		}
		files[f.Package] = append(files[f.Package], f)
	}
	slices.Sort(names)
	return names, files
}

// importPath is the path of an import without its quotes.
func importPath(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value // the parser has accepted it: cannot happen
	}
	return p
}

// ours turns an import path into a package in the terms of Table.
func ours(importPath string) (pkg string, ok bool) {
	if importPath == Module {
		return ".", true
	}
	return strings.CutPrefix(importPath, Module+"/")
}
