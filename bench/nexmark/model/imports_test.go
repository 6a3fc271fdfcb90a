package model

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestKnowsNoEngine holds the model, and what it is made of, to its purpose.
func TestKnowsNoEngine(t *testing.T) {
	const ours = "github.com/affluxdev/afflux/"
	for _, dir := range []string{".", "../schema", "../generator"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatal(dir, files, err)
		}
		for _, name := range files {
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range f.Imports {
				path := strings.Trim(i.Path.Value, `"`)
				if strings.HasPrefix(path+"/", ours) && !strings.HasPrefix(path, ours+"bench/nexmark/") || path == ours+"bench/nexmark/query" {
					t.Errorf("%s imports %s", name, path)
				}
			}
		}
	}
}
