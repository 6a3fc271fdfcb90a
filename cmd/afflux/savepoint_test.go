package main

import (
	"bufio"
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/affluxdev/afflux"
)

// freeAddress is an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// TestSavepoint stops a pipeline with a savepoint and goes on from it with
// another parallelism: every record is written once.
func TestSavepoint(t *testing.T) {
	dir := t.TempDir()
	path := pipelineFile(t, `
name: numbers
checkpoints: { dir: "`+dir+`/state", every: 20ms }
restart: { attempts: 0 }
sources:
  in: { generator: { rate: 20000, count: 40000, fields: { n: i, k: i % 10 } } }
steps:
  - { name: sums, key_by: k, aggregate: { c: count(), median: "quantile(n, 0.5)" } }
sinks:
  out: { from: in, file: { path: "`+dir+`/out.csv", format: csv } }
  rest: { from: sums, blackhole: {} }
`)
	address := freeAddress(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stderr
	os.Stderr = w
	ended := make(chan int, 1)
	go func() {
		ended <- execute(context.Background(), []string{"run", path, "--headless", "--listen", address, "--parallelism", "2"})
	}()
	lines := bufio.NewScanner(r)
	for lines.Scan() && !strings.Contains(lines.Text(), "metrics on ") {
	}
	os.Stderr = old
	rest := make(chan string, 1)
	go func() {
		var b strings.Builder
		for lines.Scan() {
			b.WriteString(lines.Text() + "\n")
		}
		rest <- b.String()
	}()
	code, out, errs := command(t, "checkpoint", "--address", address)
	for code != afflux.ExitDone && strings.Contains(errs, "has not started yet") {
		code, out, errs = command(t, "checkpoint", "--address", address)
	}
	if code != afflux.ExitDone || !strings.HasPrefix(out, filepath.Join(dir, "state", "checkpoint-")) {
		t.Errorf("code %d: %s%s", code, out, errs)
	}
	code, out, errs = command(t, "savepoint", "--stop", "--address", "http://"+address+"/")
	if code != afflux.ExitDone {
		t.Fatalf("code %d: %s", code, errs)
	}
	savepoint := strings.TrimSpace(out)
	if _, err := os.Stat(filepath.Join(savepoint, "manifest")); err != nil {
		t.Error(err)
	}
	if code := <-ended; code != afflux.ExitDone {
		t.Errorf("the job ended with %d", code)
	}
	_ = w.Close()
	if log := <-rest; !strings.Contains(log, "suspended") || !strings.Contains(log, "checkpoints ") {
		t.Errorf("the summary says nothing of it:\n%s", log)
	}
	_ = r.Close()
	if code, out, errs := command(t, "run", path, "--json", "--headless", "--listen", "off", "--from", savepoint, "--parallelism", "1"); code != afflux.ExitDone || !strings.Contains(errs, "restored from") || !strings.Contains(out, `"duration_ns": `) {
		t.Fatalf("code %d:\n%s", code, errs)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "out-*.csv"))
	var all []string
	for _, f := range files {
		rows := strings.Split(strings.TrimSpace(read(t, f)), "\n")
		all = append(all, rows[1:]...)
	}
	slices.Sort(all)
	if n := len(slices.Compact(all)); n != 40_000 || len(all) != 40_000 {
		t.Errorf("%d rows in %d files, %d of them different; want 40 000", len(all), len(files), n)
	}
}

func TestSavepointOfNoJob(t *testing.T) {
	plain := pipelineFile(t, strings.ReplaceAll(counting, "SINK", "blackhole: {}"))
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"savepoint", "--address", freeAddress(t)}, afflux.ExitFailed, "no job answers"},
		{[]string{"savepoint", "--address", "ftp://x"}, afflux.ExitUsage, "http://127.0.0.1:8080"},
		{[]string{"checkpoint", "--timeout", "0s"}, afflux.ExitUsage, "must be positive"},
		{[]string{"checkpoint", "--stop"}, afflux.ExitUsage, "unknown flag"},
		{[]string{"run", plain, "--from", "none"}, afflux.ExitUsage, "checkpoints: {dir"},
		{[]string{"run", plain, "--listen", "off", "--set", "checkpoints.dir=" + t.TempDir(), "--from", "savepoint-0000000009"}, afflux.ExitFailed, "savepoint 9"},
		{[]string{"run", plain, "--listen", "off", "--set", "checkpoints.dir=" + t.TempDir(), "--from", "none/savepoint-0000000009"}, afflux.ExitFailed, "no such file"},
	} {
		if code, out, errs := command(t, c.args...); code != c.code || !strings.Contains(errs, c.says) || out != "" {
			t.Errorf("%v: code %d, want %d with %q: %s%s", c.args, code, c.code, c.says, out, errs)
		}
	}
}
