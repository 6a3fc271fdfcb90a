// Package dashboard makes the Grafana dashboard of deploy/grafana out of a table
// of charts.
package dashboard

import (
	"encoding/json"
	"fmt"
)

// chart is one panel: what it asks and how it is drawn.
type chart struct {
	title string
	help  string
	unit  string // of Grafana
	width int    // of 24
	kind  kind
	// limits are where the color changes to yellow and to red, nil for none.
	limits []float64
	// top is the end of the scale, 0 for any.
	top     float64
	queries []query
}

type kind int

const (
	lines   kind = iota // over time
	stacked             // the same, one upon the other
	number              // the last values
	names               // the names of series, not their values
)

// query is an expression and the name of its series.
type query struct{ expr, legend string }

// row is a group of charts.
type row struct {
	title  string
	charts []chart
}

var source = datasource{Type: "prometheus", UID: "${datasource}"}

// Heights in the grid.
const (
	numberHeight = 4
	lineHeight   = 8
	columns      = 24
)

// JSON is the dashboard as Grafana reads it.
func JSON() ([]byte, error) {
	m := model{
		UID: "afflux-job", Title: "Afflux job", Tags: []string{"afflux"}, Style: "dark", Timezone: "browser",
		Description:  "What a job of Afflux does, and what holds it up. docs/monitoring.md explains it, docs/metrics.md the metrics.",
		Editable:     true,
		GraphTooltip: 1, Time: timeRange{"now-1h", "now"}, Refresh: "10s", SchemaVersion: 36, Version: 1,
		Templating: templating{[]variable{
			{Name: "datasource", Label: "Prometheus", Type: "datasource", Query: "prometheus", Refresh: 1},
			choice("job", "Job", "label_values(afflux_job_uptime, job)", false),
			choice("operator", "Operator", `label_values(afflux_operator_numRecordsIn_total{job=~"$job"}, operator)`, true),
		}},
		Annotations: annotations{[]annotation{{
			Name: "Alerts", Datasource: source, Enable: true, IconColor: "red", Step: "15s",
			Expr: `ALERTS{alertname=~"Afflux.*", alertstate="firing", job=~"$job|afflux"}`, Title: "{{alertname}}", Text: "{{operator}}{{from}}",
		}}},
		Links: []link{},
	}
	id, y := 0, 0
	place := func(p panel) {
		id++
		p.ID = id
		m.Panels = append(m.Panels, p)
	}
	for _, r := range rows {
		open := false
		place(panel{Type: "row", Title: r.title, GridPos: gridPos{H: 1, W: columns, Y: y}, Collapsed: &open, Panels: &[]panel{}})
		y++
		x, high := 0, 0
		for _, c := range r.charts {
			if x+c.width > columns {
				x, y, high = 0, y+high, 0
			}
			p := c.panel()
			p.GridPos.X, p.GridPos.Y = x, y
			place(p)
			x, high = x+c.width, max(high, p.GridPos.H)
		}
		y += high
	}
	out, err := json.MarshalIndent(m, "", "  ")
	return append(out, '\n'), err
}

// choice is a variable with the values of a label.
func choice(name, label, values string, many bool) variable {
	v := variable{Name: name, Label: label, Type: "query", Query: labelQuery{values, "StandardVariableQuery"}, Definition: values,
		Datasource: &source, Refresh: 2, Sort: 1, Multi: many, IncludeAll: many}
	if many {
		v.AllValue, v.Current = ".*", &current{"All", "$__all"}
	}
	return v
}

func (c *chart) panel() panel {
	p := panel{Title: c.title, Description: c.help, Datasource: &source, GridPos: gridPos{H: lineHeight, W: c.width}}
	field := fieldDefaults{Unit: c.unit, Mappings: []struct{}{}, Color: color{"palette-classic"}, Thresholds: c.thresholds()}
	if c.top > 0 {
		zero, top := 0.0, c.top
		field.Min, field.Max = &zero, &top
	}
	switch c.kind {
	case lines, stacked:
		p.Type = "timeseries"
		l := line{DrawStyle: "line", LineWidth: 1, FillOpacity: 10, ShowPoints: "never", Stacking: stacking{"none", "A"}, Thresholds: mode{"off"}}
		if c.kind == stacked {
			l.FillOpacity, l.Stacking.Mode = 40, "normal"
		}
		if c.limits != nil {
			l.Thresholds.Mode = "line"
		}
		field.Custom = l
		p.Options = seriesOptions{legend{true, "list", "bottom", []string{}}, tooltip{"multi", "desc"}}
	case number, names:
		p.Type, p.GridPos.H = "stat", numberHeight
		field.NoValue = "-"
		field.Color.Mode = "thresholds"
		o := statOptions{ReduceOptions: reduceOptions{Calcs: []string{"lastNotNull"}}, Orientation: "auto", TextMode: "auto",
			ColorMode: "value", GraphMode: "area", JustifyMode: "auto"}
		if c.kind == names {
			o.TextMode, o.GraphMode, field.NoValue = "name", "none", "none"
		}
		p.Options = o
	}
	p.FieldConfig = &fieldConfig{Defaults: field, Overrides: []struct{}{}}
	for i, q := range c.queries {
		p.Targets = append(p.Targets, target{RefID: fmt.Sprintf("%c", 'A'+i), Datasource: source, EditorMode: "code", Expr: q.expr,
			LegendFormat: q.legend, Format: "time_series", Instant: c.kind == names, Range: c.kind != names})
	}
	return p
}

// thresholds are green, and yellow and red from the limits on.
func (c *chart) thresholds() thresholds {
	t := thresholds{Mode: "absolute", Steps: []step{{Color: "green"}}}
	colors := []string{"yellow", "red"}
	for i := range c.limits {
		t.Steps = append(t.Steps, step{colors[len(colors)-len(c.limits)+i], &c.limits[i]})
	}
	return t
}
