package pipeline

import (
	"encoding/json/v2"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestEveryKey holds the pipelines of testdata/valid to the schema: they load,
// and together they use every key that there is.
func TestEveryKey(t *testing.T) {
	data, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	unused := map[string]bool{}
	var all func(path string, s map[string]any)
	all = func(path string, s map[string]any) {
		for _, sub := range alternatives(s) {
			properties, _ := sub["properties"].(map[string]any)
			for key, p := range properties {
				unused[path+"."+key] = true
				all(path+"."+key, p.(map[string]any))
			}
			for _, inner := range []string{"items", "additionalProperties"} {
				if p, ok := sub[inner].(map[string]any); ok {
					all(path, p)
				}
			}
		}
	}
	all("", root)
	var use func(path string, s map[string]any, n *node)
	use = func(path string, s map[string]any, n *node) {
		for _, sub := range alternatives(s) {
			properties, _ := sub["properties"].(map[string]any)
			other, _ := sub["additionalProperties"].(map[string]any)
			items, _ := sub["items"].(map[string]any)
			for _, e := range n.entries {
				if p, ok := properties[e.key].(map[string]any); ok {
					delete(unused, path+"."+e.key)
					use(path+"."+e.key, p, e.value)
				} else if other != nil {
					use(path, other, e.value)
				}
			}
			for _, i := range n.items {
				if items != nil {
					use(path, items, i)
				}
			}
		}
	}
	files, _ := filepath.Glob("testdata/valid/*.yaml")
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Load(f, text, Options{Lookup: nothing})
		if err != nil {
			t.Errorf("%s:\n%v", f, err)
			continue
		}
		p.Build()
		use("", root, parseTree(newReport(f, text), text))
	}
	left := []string{}
	for k := range unused {
		left = append(left, k)
	}
	slices.Sort(left)
	if len(left) > 0 {
		t.Errorf("keys that no pipeline in testdata/valid uses: %v", left)
	}
}

// alternatives are the schema itself and those of which any may hold.
func alternatives(s map[string]any) []map[string]any {
	out := []map[string]any{s}
	anyOf, _ := s["anyOf"].([]any)
	for _, a := range anyOf {
		out = append(out, alternatives(a.(map[string]any))...)
	}
	return out
}

func TestNameFromFile(t *testing.T) {
	p, err := LoadFile("testdata/valid/stdout.yaml", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if p.Name() != "stdout" || !p.WritesStdout() {
		t.Errorf("name %q, stdout %v", p.Name(), p.WritesStdout())
	}
	for _, path := range []string{"testdata", "testdata/none.yaml"} {
		if _, err := LoadFile(path, Options{}); err == nil {
			t.Errorf("%s is read", path)
		}
	}
}

func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/valid/*.yaml", "testdata/errors/*.yaml"} {
		files, _ := filepath.Glob(pattern)
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text), "sources.a.file.path=x")
		}
	}
	f.Add("a: [", "=")
	f.Add("? {a: b}\n: c", "steps.0.name=1")
	f.Add("- - - x", "sources=[1,{a: b}]")
	f.Fuzz(func(t *testing.T, text, set string) {
		p, err := Load("fuzz.yaml", []byte(text), Options{Lookup: nothing, Set: []string{set}})
		if err == nil {
			p.Build()
			return
		}
		if s := fmt.Sprint(err); s == "" {
			t.Error("an error without a message")
		}
	})
}
