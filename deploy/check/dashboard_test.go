package check

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const dashboardFile = "../grafana/dashboard.json"

// board is what of a dashboard is checked here.
type board struct {
	UID           string `json:"uid"`
	Title         string `json:"title"`
	Style         string `json:"style"`
	Editable      *bool  `json:"editable"`
	GraphTooltip  *int   `json:"graphTooltip"`
	SchemaVersion int    `json:"schemaVersion"`
	Templating    struct {
		List []struct {
			Name  string          `json:"name"`
			Type  string          `json:"type"`
			Query json.RawMessage `json:"query"`
		} `json:"list"`
	} `json:"templating"`
	Annotations struct {
		List []struct {
			Expr string `json:"expr"`
		} `json:"list"`
	} `json:"annotations"`
	Panels []struct {
		ID          int                      `json:"id"`
		Type        string                   `json:"type"`
		Title       string                   `json:"title"`
		Description string                   `json:"description"`
		GridPos     struct{ H, W, X, Y int } `json:"gridPos"`
		Targets     []asked                  `json:"targets"`
		FieldConfig *struct {
			Defaults struct {
				Unit       *string `json:"unit"`
				Thresholds struct {
					Mode  string `json:"mode"`
					Steps []struct {
						Color string   `json:"color"`
						Value *float64 `json:"value"`
					} `json:"steps"`
				} `json:"thresholds"`
			} `json:"defaults"`
			Overrides []any `json:"overrides"`
		} `json:"fieldConfig"`
		Options map[string]any `json:"options"`
	} `json:"panels"`
}

// asked is a query of a panel.
type asked struct {
	RefID      string `json:"refId"`
	Expr       string `json:"expr"`
	Legend     string `json:"legendFormat"`
	Datasource struct {
		Type string `json:"type"`
		UID  string `json:"uid"`
	} `json:"datasource"`
}

func readDashboard(t *testing.T) *board {
	t.Helper()
	text, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var b board
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	return &b
}

// TestDashboard holds the dashboard to what Grafana documents of its model.
func TestDashboard(t *testing.T) {
	b := readDashboard(t)
	if len(b.UID) < 8 || len(b.UID) > 40 || b.Title == "" || b.SchemaVersion < 36 || b.Editable == nil || b.GraphTooltip == nil {
		t.Errorf("uid %q, title %q, schema version %d", b.UID, b.Title, b.SchemaVersion)
	}
	variables := map[string]bool{"__rate_interval": true}
	for _, v := range b.Templating.List {
		if !slices.Contains([]string{"query", "datasource"}, v.Type) {
			t.Errorf("variable %s is of type %q", v.Name, v.Type)
		}
		variables[v.Name] = true
	}
	for _, name := range []string{"datasource", "job", "operator"} {
		if !variables[name] {
			t.Errorf("there is no variable %s", name)
		}
	}
	ids, rows := map[int]bool{}, map[string]bool{}
	taken := map[[2]int]string{}
	for _, p := range b.Panels {
		where := fmt.Sprintf("panel %d %q", p.ID, p.Title)
		if p.ID < 1 || ids[p.ID] || p.Title == "" {
			t.Errorf("%s: its number is taken, or it has no title", where)
		}
		ids[p.ID] = true
		if p.GridPos.W < 1 || p.GridPos.H < 1 || p.GridPos.X < 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%s is at %+v, outside of 24 columns", where, p.GridPos)
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if taken[at] != "" {
					t.Fatalf("%s lies upon %s", where, taken[at])
				}
				taken[at] = where
			}
		}
		if p.Type == "row" {
			rows[p.Title] = true
			continue
		}
		if !slices.Contains([]string{"timeseries", "stat"}, p.Type) || p.Description == "" || len(p.Targets) == 0 || len(p.Options) == 0 || p.FieldConfig == nil {
			t.Errorf("%s: type %q, %d queries; or no description, options or fieldConfig", where, p.Type, len(p.Targets))
			continue
		}
		steps := p.FieldConfig.Defaults.Thresholds.Steps
		if p.FieldConfig.Defaults.Unit == nil || p.FieldConfig.Overrides == nil || len(steps) == 0 || steps[0].Value != nil {
			t.Errorf("%s: no unit, overrides or thresholds, or the first threshold has a value", where)
		}
		for i := 2; i < len(steps); i++ {
			if *steps[i].Value <= *steps[i-1].Value {
				t.Errorf("%s: its thresholds do not rise", where)
			}
		}
		refs := map[string]bool{}
		for _, q := range p.Targets {
			if q.RefID == "" || refs[q.RefID] || q.Datasource.Type != "prometheus" || q.Datasource.UID != "${datasource}" || q.Legend == "" {
				t.Errorf("%s: query %+v", where, q)
			}
			refs[q.RefID] = true
			for _, m := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(q.Expr, -1) {
				if !variables[m[1]] {
					t.Errorf("%s asks with $%s, which there is not", where, m[1])
				}
			}
		}
	}
	for _, title := range []string{"Job", "Operators", "Pressure on arrows", "Sources", "Latency", "Checkpoints", "State", "Hot keys", "Process", "Dead letters and late records"} {
		if !rows[title] {
			t.Errorf("there is no row %s", title)
		}
	}
}

// metricName finds names of metrics in an expression.
var metricName = regexp.MustCompile(`\b(?:afflux|process|go)_\w+`)

// TestMetricsAreDocumented asks for nothing that docs/metrics.md does not have.
func TestMetricsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var names, prefixes []string
	for _, m := range regexp.MustCompile("`(\\w+)(\\*?)`").FindAllStringSubmatch(string(text), -1) {
		if m[2] == "*" {
			prefixes = append(prefixes, m[1])
		} else {
			names = append(names, m[1])
		}
	}
	var exprs []string
	for _, r := range readRules(t).all() {
		exprs = append(exprs, r.Expr)
	}
	for _, p := range readDashboard(t).Panels {
		for _, q := range p.Targets {
			exprs = append(exprs, q.Expr)
		}
	}
	for _, expr := range exprs {
		for _, name := range metricName.FindAllString(expr, -1) {
			if !slices.Contains(names, name) && !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
				t.Errorf("%s is not in docs/metrics.md: %s", name, expr)
			}
		}
	}
}

// label finds the labels in a legend of Grafana.
var label = regexp.MustCompile(`\{\{(\w+)\}\}`)

// checkQueries asks every query of the dashboard, for each of the jobs until one
// has an answer: a bottleneck, say, only a job that has one has.
func checkQueries(t *testing.T, s *server, jobs ...string) {
	t.Helper()
	answered := 0
	for _, p := range readDashboard(t).Panels {
		for _, q := range p.Targets {
			var found []series
			var failure error
			for _, job := range jobs {
				// In a variable that may have many values, Grafana puts All as .* here.
				expr := strings.NewReplacer("$job", job, "$operator", ".*", "$__rate_interval", "5s").Replace(q.Expr)
				if found, failure = s.query(expr); failure != nil || len(found) > 0 {
					break
				}
			}
			if failure != nil || len(found) == 0 {
				t.Errorf("panel %q has no data, %v: %s", p.Title, failure, q.Expr)
				continue
			}
			answered++
			for _, m := range label.FindAllStringSubmatch(q.Legend, -1) {
				if !slices.ContainsFunc(found, func(x series) bool { return x.Metric[m[1]] != "" }) {
					t.Errorf("panel %q: its legend names the label %s, which no series of %s has", p.Title, m[1], q.Expr)
				}
			}
		}
	}
	t.Logf("%d queries of the dashboard have data", answered)
}

// checkVariables asks for the choices that the dashboard offers.
func checkVariables(t *testing.T, s *server, job string) {
	t.Helper()
	values := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)
	for _, v := range readDashboard(t).Templating.List {
		if v.Type != "query" {
			continue
		}
		var q struct{ Query string }
		if err := json.Unmarshal(v.Query, &q); err != nil {
			t.Fatal(err)
		}
		m := values.FindStringSubmatch(strings.ReplaceAll(q.Query, "$job", job))
		if m == nil {
			t.Errorf("variable %s: %q is no query for the values of a label", v.Name, q.Query)
			continue
		}
		found, err := s.query(fmt.Sprintf("count by (%s) (%s)", m[2], m[1]))
		if err != nil || len(found) == 0 {
			t.Errorf("variable %s has no values: %v", v.Name, err)
		}
	}
}
