package check

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// promtool runs it in deploy/prometheus.
func promtool(t *testing.T, args ...string) string {
	t.Helper()
	program := find(t, "promtool")
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = filepath.Dir(configFile)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("promtool %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func TestPromtool(t *testing.T) {
	t.Run("config", func(t *testing.T) { promtool(t, "check", "config", "prometheus.yml") })
	t.Run("rules", func(t *testing.T) { promtool(t, "check", "rules", "--lint-fatal", "alerts.yml") })
	t.Run("derived", func(t *testing.T) { promtool(t, "check", "config", derive(t, []string{"127.0.0.1:1"})) })
	t.Run("alerts", func(t *testing.T) { promtool(t, "test", "rules", "alerts_test.yml") })
}
