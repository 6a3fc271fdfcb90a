package main

import (
	"bytes"
	"context"
	"encoding/json/v2"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/affluxdev/afflux"
)

// command runs a command line in this process and returns its exit code and
// what it wrote.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	out, errs := capture(t, &os.Stdout), capture(t, &os.Stderr)
	code = execute(context.Background(), args)
	return code, out(), errs()
}

// capture replaces a standard stream; the function that it returns puts it back
// and gives what was written.
func capture(t *testing.T, stream **os.File) func() string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := *stream
	*stream = w
	text := make(chan string)
	go func() {
		data, _ := io.ReadAll(r)
		text <- string(data)
	}()
	return func() string {
		*stream = old
		_ = w.Close()
		return <-text
	}
}

func pipelineFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const counting = `
name: counting
sources:
  in: { generator: { count: 3, fields: { n: i } }, parallelism: 1 }
sinks:
  out: { SINK }
`

func TestRunWritesRecordsOnly(t *testing.T) {
	path := pipelineFile(t, strings.ReplaceAll(counting, "SINK", "stdout: { format: csv }, parallelism: 1"))
	code, stdout, stderr := command(t, "run", path, "--json", "--listen", "off")
	if code != afflux.ExitDone || stdout != "n\n0\n1\n2\n" {
		t.Errorf("code %d, standard output %q", code, stdout)
	}
	if !strings.Contains(stderr, `"records_written": 3`) {
		t.Errorf("no summary as JSON on standard error:\n%s", stderr)
	}
}

func TestRunPrintsSummary(t *testing.T) {
	path := pipelineFile(t, strings.ReplaceAll(counting, "SINK", "blackhole: {}"))
	code, stdout, _ := command(t, "run", path, "--json", "--listen", "off", "--headless", "--set", "sources.in.generator.count=5", "--parallelism", "2")
	var summary struct {
		Written int `json:"records_written"`
	}
	if err := json.Unmarshal([]byte(stdout), &summary); err != nil || code != afflux.ExitDone || summary.Written != 5 {
		t.Errorf("code %d, %v, summary %q", code, err, stdout)
	}
}

func TestRunDuration(t *testing.T) {
	path := pipelineFile(t, `
sources:
  in: { generator: { rate: 1000, fields: { n: i } } }
sinks:
  out: { blackhole: {} }
`)
	if code, _, stderr := command(t, "run", path, "--duration", "200ms", "--listen", "off"); code != afflux.ExitDone {
		t.Errorf("code %d: %s", code, stderr)
	}
}

func TestRunExitCodes(t *testing.T) {
	good := pipelineFile(t, strings.ReplaceAll(counting, "SINK", "blackhole: {}"))
	wrong := pipelineFile(t, strings.ReplaceAll(counting, "SINK", "blakhole: {}"))
	failing := pipelineFile(t, strings.ReplaceAll(counting, "n: i", "n: 'int(1 % (i - 1))'"))
	failing = pipelineFile(t, strings.ReplaceAll(read(t, failing), "SINK", "blackhole: {}"))
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"run"}, afflux.ExitUsage, "which pipeline?"},
		{[]string{"run", good, good}, afflux.ExitUsage, "one pipeline"},
		{[]string{"run", good + "x"}, afflux.ExitUsage, "cannot be read"},
		{[]string{"run", wrong}, afflux.ExitUsage, `:6:10: unknown key "blakhole" of a sink; did you mean "blackhole"?`},
		{[]string{"run", good, "--paralelism", "2"}, afflux.ExitUsage, "unknown flag"},
		{[]string{"run", good, "--parallelism", "0"}, afflux.ExitUsage, "at least 1"},
		{[]string{"run", good, "--duration", "-1s"}, afflux.ExitUsage, "must be positive"},
		{[]string{"run", good, "--set", "sources.in.fields.x=1"}, afflux.ExitUsage, `unknown key "fields" of a source`},
		{[]string{"run", good, "--listen", "8080"}, afflux.ExitUsage, "write host:port"},
		{[]string{"run", good, "--listen", "0.0.0.0:0"}, afflux.ExitUsage, "set a token in AFFLUX_TOKEN"},
		{[]string{"run", failing, "--listen", "off"}, afflux.ExitFailed, "divide by zero"},
		{[]string{"broker", "--sync"}, afflux.ExitUsage, "--data-dir"},
		{[]string{"broker", "--listen", "9092"}, afflux.ExitUsage, "want host:port"},
		{[]string{"bench", "folow"}, afflux.ExitUsage, `unknown command "folow"`},
		{[]string{"bench", "checkpoint", "--dir", good}, afflux.ExitFailed, "--dir"},
	} {
		code, stdout, stderr := command(t, c.args...)
		if code != c.code || !strings.Contains(stderr, c.says) || stdout != "" {
			t.Errorf("%v: code %d, want %d with %q; standard output %q, standard error:\n%s", c.args, code, c.code, c.says, stdout, stderr)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestLint(t *testing.T) {
	good := pipelineFile(t, strings.ReplaceAll(counting, "SINK", "blackhole: {}"))
	wrong := pipelineFile(t, strings.ReplaceAll(counting, "SINK", "blakhole: {}"))
	if code, stdout, stderr := command(t, "lint", good); code != afflux.ExitDone || stdout+stderr != "" {
		t.Errorf("a good pipeline: code %d, %q, %q", code, stdout, stderr)
	}
	code, stdout, stderr := command(t, "lint", good, wrong, good+"x")
	if code != afflux.ExitUsage || stderr != "" || !strings.Contains(stdout, wrong+":6:10: unknown key") || !strings.Contains(stdout, "cannot be read") {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
	_, stdout, _ = command(t, "lint", wrong, "--json")
	var findings []finding
	if err := json.Unmarshal([]byte(stdout), &findings); err != nil || len(findings) == 0 || findings[0].Line != 6 || findings[0].File != wrong {
		t.Errorf("%v: %s", err, stdout)
	}
	if code, _, stderr := command(t, "lint"); code != afflux.ExitUsage || !strings.Contains(stderr, "which pipelines?") {
		t.Errorf("without a file: code %d, %q", code, stderr)
	}
	_, stdout, _ = command(t, "lint", "--schema")
	var schema map[string]any
	if err := json.UnmarshalRead(bytes.NewBufferString(stdout), &schema); err != nil || schema["type"] != "object" {
		t.Errorf("schema: %v", err)
	}
}

// TestRunWithWrongTLS stops before anything runs, on the default address too.
func TestRunWithWrongTLS(t *testing.T) {
	file := pipelineFile(t, strings.Replace(counting, "SINK", "stdout: { format: csv }", 1))
	for _, args := range [][]string{{"--tls-cert", "cert.pem"}, {"--tls-client-ca", "ca.pem", "--listen", ":0"}} {
		code, stdout, stderr := command(t, append([]string{"run", file, "--headless"}, args...)...)
		if code != afflux.ExitUsage || stdout != "" || !strings.Contains(stderr, "--tls-key") {
			t.Errorf("%v: %d %q %q", args, code, stdout, stderr)
		}
	}
}
