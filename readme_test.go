package afflux_test

import (
	"os"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/pipeline"
)

// block returns the first code block of a language in the README.
func block(t *testing.T, language string) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n```"+language+"\n")
	code, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatalf("README.md has no block of %s", language)
	}
	return code
}

// TestReadmeProgram holds the program of the README to the one that is built.
func TestReadmeProgram(t *testing.T) {
	program, err := os.ReadFile("examples/hotitems/main.go")
	if err != nil {
		t.Fatal(err)
	}
	if block(t, "go") != string(program) {
		t.Error("the program in README.md is not that of examples/hotitems/main.go: copy it")
	}
}

// TestReadmePipeline checks the pipeline of the README as lint does.
func TestReadmePipeline(t *testing.T) {
	if _, err := pipeline.Load("README.md", []byte(block(t, "yaml")), pipeline.Options{}); err != nil {
		t.Error(err)
	}
}
