package pipeline

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// referenceSources are what the pipelines of docs/pipelines.md leave out.
const referenceSources = `
sources:
  orders:
    file: { path: orders.csv }
    columns: { id: string, at: time, amount: float, tags: string, currency: string }
    event_time: { column: at }
  parcels: { file: { path: parcels.csv }, columns: { order: string, at: time }, event_time: { column: at } }
  rates: { file: { path: rates.csv }, columns: { currency: string, at: time, rate: float }, event_time: { column: at } }
`

// TestReference checks each piece of YAML in docs/pipelines.md as lint does,
// together with what it leaves out.
func TestReference(t *testing.T) {
	text, err := os.ReadFile("../docs/pipelines.md")
	if err != nil {
		t.Fatal(err)
	}
	pieces := strings.Split(string(text), "\n```yaml\n")[1:]
	if len(pieces) < 10 {
		t.Fatalf("only %d pieces of YAML are found", len(pieces))
	}
	for _, piece := range pieces {
		piece, _, _ = strings.Cut(piece, "\n```")
		whole := piece + "\n"
		r := newReport("", []byte(piece))
		root := parseTree(r, []byte(piece))
		if err := r.err(); err != nil {
			t.Errorf("%v\n%s", err, piece)
			continue
		}
		if root.get("sources") == nil {
			whole += referenceSources
		}
		if root.get("sinks") == nil {
			read := root.get("sources")
			from := ""
			if read != nil {
				from = "from: " + read.entries[0].key + ", "
			}
			whole += "sinks:\n  out: { " + from + "blackhole: {} }\n"
		}
		_, err := Load("pipelines.md", []byte(whole), Options{Lookup: nothing})
		problems, ok := errors.AsType[Problems](err)
		if err != nil && !ok {
			t.Errorf("%v\n%s", err, whole)
		}
		for _, p := range problems {
			if !strings.HasPrefix(p.Message, "nothing reads") {
				t.Errorf("%v\n%s", p, whole)
			}
		}
	}
	for _, s := range []section{newConfig(), &sourceConfig{}, &stepConfig{}, &sinkConfig{}, &windowConfig{}, &joinConfig{}, &topConfig{}, &deduplicateConfig{}} {
		b := bindingsOf(s)
		for _, name := range b.names() {
			if !strings.Contains(string(text), "`"+name+"`") && !strings.Contains(string(text), name+":") {
				t.Errorf("the reference says nothing of the key %q of %s", name, b.what)
			}
		}
	}
}
