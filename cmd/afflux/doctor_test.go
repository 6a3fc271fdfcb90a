package main

import (
	"encoding/json/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/affluxdev/afflux"
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
