package main

import (
	"context"
	"encoding/json/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/blackhole"
	"github.com/affluxdev/afflux/connector/generator"
	"github.com/affluxdev/afflux/internal/doctor"
)

// TestDoctor has the command line's exit codes and output, also in the binary of
// a job.
func TestDoctor(t *testing.T) {
	report := doctor.Report{Healthy: true, Seconds: 9, Findings: []doctor.Finding{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _ = json.MarshalWrite(w, report) }))
	defer server.Close()
	own := func(args ...string) (code int, out, errs string) {
		o, e := capture(t, &os.Stdout), capture(t, &os.Stderr)
		code = afflux.Command(t.Context(), afflux.NewJob("mine"), args)
		return code, o(), e()
	}
	general := func(args ...string) (int, string, string) { return command(t, args...) }
	for _, run := range []func(...string) (int, string, string){general, own} {
		report.Healthy, report.Findings = true, []doctor.Finding{}
		if code, out, errs := run("doctor", server.URL); code != doctor.ExitHealthy || !strings.HasPrefix(out, "healthy") || errs != "" {
			t.Errorf("well: code %d: %s%s", code, out, errs)
		}
		report.Healthy, report.Findings = false, []doctor.Finding{{Operator: "enrich", Subtask: -1, Cause: "cpu", Severity: "warning", Evidence: "works"}}
		if code, out, errs := run("doctor", server.URL); code != doctor.ExitFindings || !strings.Contains(out, "warning: enrich: busy with its own work") || errs != "" {
			t.Errorf("sick: code %d: %s%s", code, out, errs)
		}
		if code, out, errs := run("doctor", "http://"+freeAddress(t)); code != doctor.ExitNoAnswer || out != "" || !strings.Contains(errs, "no job answers") {
			t.Errorf("nobody: code %d: %s%s", code, out, errs)
		}
		if code, _, errs := run("doctor", "a", "b"); code != afflux.ExitUsage || !strings.Contains(errs, "error:") {
			t.Errorf("two addresses: code %d: %s", code, errs)
		}
	}
}

// TestDoctorOfJob asks a real job whose sink takes less than comes.
func TestDoctorOfJob(t *testing.T) {
	type record struct{ N int64 }
	job := afflux.NewJob("slow-sink", afflux.Parallelism(1))
	afflux.From(job, "numbers", generator.Source(func(i int64, v *record) { v.N = i }, generator.Rate(generator.Constant(2000)))).
		Map("double", func(v *record) record { return record{2 * v.N} }, afflux.Unchained()).
		To("trickle", blackhole.Sink[record](blackhole.Rate(500)), afflux.Unchained())
	address := freeAddress(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	// The command below has the process's own output replaced meanwhile.
	options := afflux.ExecuteOptions{Listen: address, Quiet: true, Stdout: os.Stdout, Stderr: os.Stderr}
	go func() { ended <- afflux.Execute(ctx, job, options) }()
	defer func() {
		cancel()
		<-ended // with the error of who was cancelled
	}()
	var r doctor.Report
	deadline := time.Now().Add(40 * time.Second)
	for {
		code, out, errs := command(t, "doctor", "--json", address)
		switch {
		case code == doctor.ExitFindings:
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatal(err, out)
			}
		case time.Now().After(deadline):
			t.Fatalf("nothing was found: code %d: %s%s", code, out, errs)
		default:
			<-time.After(50 * time.Millisecond) // it has not begun to listen, or not filled what is between
			continue
		}
		break
	}
	f := r.Findings[0]
	if f.Operator != "trickle" || f.Cause != "sink" || f.Severity != "warning" || !strings.Contains(f.Evidence, "grows by") || !strings.Contains(f.Remedy, "trickle") || f.Avoid == "" {
		t.Errorf("%+v", f)
	}
}
