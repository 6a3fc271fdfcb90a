package check

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/common/model"
)

const (
	configFile = "../prometheus/prometheus.yml"
	rulesFile  = "../prometheus/alerts.yml"
)

// faster is how much faster the clock of the derived files runs: 15 s between
// two scrapes become one, and so do all other times.
const faster = 15

// rule is an alert of the rules file. Reading it is strict, so that nothing that
// must be scaled is overlooked.
type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

type rules struct {
	Groups []struct {
		Name  string `yaml:"name"`
		Rules []rule `yaml:"rules"`
	} `yaml:"groups"`
}

// readRules reads the rules file.
func readRules(t *testing.T) rules {
	t.Helper()
	text, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	var r rules
	if err := yaml.UnmarshalWithOptions(text, &r, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	return r
}

// all are the alerts of every group.
func (r rules) all() []rule {
	var out []rule
	for _, g := range r.Groups {
		out = append(out, g.Rules...)
	}
	return out
}

// scaled divides a duration of Prometheus, like 5m.
func scaled(text string) (string, error) {
	d, err := model.ParseDuration(text)
	if err != nil {
		return "", err
	}
	short := time.Duration(d) / faster
	if short < time.Second {
		return "", fmt.Errorf("%s is less than %d s and cannot be scaled by that", text, faster)
	}
	return model.Duration(short).String(), nil
}

// times finds durations in an expression: ranges, subqueries and offsets.
var times = regexp.MustCompile(`(\[|:|\boffset\s+-?)(\d[\dywdhms]*)`)

// scaleExpr divides all durations of an expression.
func scaleExpr(expr string) (string, error) {
	var failed error
	out := times.ReplaceAllStringFunc(expr, func(s string) string {
		m := times.FindStringSubmatch(s)
		short, err := scaled(m[2])
		if err != nil {
			failed = err
		}
		return m[1] + short
	})
	return out, failed
}

// derive writes a configuration that is the one of deploy but for its clock and
// its targets, and returns its path.
func derive(t *testing.T, targets []string) string {
	t.Helper()
	r := readRules(t)
	for _, g := range r.Groups {
		for i := range g.Rules {
			var err error
			if g.Rules[i].Expr, err = scaleExpr(g.Rules[i].Expr); err != nil {
				t.Fatalf("%s: %v", g.Rules[i].Alert, err)
			}
			if g.Rules[i].For == "" {
				continue
			}
			if g.Rules[i].For, err = scaled(g.Rules[i].For); err != nil {
				t.Fatalf("%s: %v", g.Rules[i].Alert, err)
			}
		}
	}
	text, err := os.ReadFile(configFile)
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Global  map[string]string `yaml:"global"`
		Rules   []string          `yaml:"rule_files"`
		Scrapes []struct {
			Job     string `yaml:"job_name"`
			Honor   bool   `yaml:"honor_labels"`
			Statics []struct {
				Targets []string `yaml:"targets"`
			} `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	if err := yaml.UnmarshalWithOptions(text, &config, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	for name, value := range config.Global {
		if config.Global[name], err = scaled(value); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if len(config.Scrapes) != 1 || len(config.Scrapes[0].Statics) != 1 {
		t.Fatalf("%s has not one list of targets", configFile)
	}
	config.Scrapes[0].Statics[0].Targets = targets
	dir := t.TempDir()
	for name, content := range map[string]any{"prometheus.yml": config, "alerts.yml": r} {
		out, err := yaml.Marshal(content)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), out, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "prometheus.yml")
}

func TestScaleExpr(t *testing.T) {
	got, err := scaleExpr(`rate(a_total{b="1m"}[5m]) > 100 and max_over_time(c[10m:1m] offset 1h) > 0`)
	if want := `rate(a_total{b="1m"}[20s]) > 100 and max_over_time(c[40s:4s] offset 4m) > 0`; err != nil || got != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
	if got, err := scaleExpr("rate(a_total[10s])"); err == nil || !strings.Contains(err.Error(), "10s") {
		t.Errorf("%s, %v of a time that is too short", got, err)
	}
}
