package check

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux"
)

// patience is how long the alerts may take, all together.
const patience = time.Minute

// planted are the alerts of each job, with the labels that say where: these, and
// no others.
var planted = map[string][]string{
	"everything": {"AffluxDeadLetters operator=check"},
	"slow": {
		"AffluxOperatorBusy operator=grind",
		"AffluxBackPressure from=backlog to=grind",
		"AffluxSourceLagGrowing operator=backlog",
	},
	"full": {
		"AffluxOperatorBusy operator=drop",
		"AffluxBackPressure from=flood to=drop",
		"AffluxInFlightNearBound",
	},
	"brittle":   {"AffluxRestarting"},
	"forgetful": {"AffluxCheckpointFailing", "AffluxCheckpointOverdue"},
	"doomed": {
		"AffluxOperatorBusy operator=crawl",
		"AffluxBackPressure from=clicks to=crawl",
		"AffluxRetentionRisk operator=clicks partition=0 topic=clicks",
	},
	"stopped": {"AffluxJobDown"},
	"calm":    {},
}

// TestMonitoring runs a job for each situation, lets a Prometheus with the files
// of deploy watch them, and looks at what it has to say.
func TestMonitoring(t *testing.T) {
	find(t, "prometheus")
	brokers := startBroker(t, map[string]int{"orders": 4, "counts": 1, "backlog": 2})
	produce(t, brokers, "orders", 500)
	produce(t, brokers, "backlog", 10_000)
	forgetting, disk := forgetful(t)
	jobs := map[string]*served{}
	for _, j := range []*afflux.Job{everything(brokers, t.TempDir()), slow(brokers), full(), brittle(), forgetting, doomed(t, brokers), calm(), stopped()} {
		jobs[j.Name()] = serve(t, j)
	}
	var targets []string
	for _, s := range jobs {
		targets = append(targets, s.address)
	}
	s := startPrometheus(t, derive(t, targets))
	w := &watch{server: s, jobs: jobs, fired: map[string]map[string]alert{}}

	until(t, patience, "all jobs are scraped and have a checkpoint", func() error {
		found, err := s.query(`up{job="afflux"} == 1`)
		if err == nil && len(found) < len(jobs) {
			err = fmt.Errorf("%d of %d are up", len(found), len(jobs))
		}
		if err != nil {
			return err
		}
		if found, err = s.query(`afflux_job_lastCheckpointCompletedTimestamp`); err == nil && len(found) < 2 {
			err = fmt.Errorf("%d of 2 jobs have a checkpoint", len(found))
		}
		return err
	})
	disk.full.Store(true)
	jobs["stopped"].stop()
	until(t, patience, "every planted alert fires", w.missing)
	for _, x := range w.unexpected() {
		t.Error(x)
	}
	checkAnnotations(t, w)
	checkQueries(t, s, "everything", "slow", "doomed")
	checkVariables(t, s, "everything")
	checkSelectors(t, s)

	for _, j := range jobs {
		j.stop()
	}
	until(t, patience, "the absence of all jobs is told", func() error {
		alerts, err := s.alerts()
		if err == nil && !slices.ContainsFunc(alerts, func(a alert) bool {
			return a.Labels["alertname"] == "AffluxJobAbsent" && a.State == "firing"
		}) {
			err = fmt.Errorf("%d other alerts", len(alerts))
		}
		return err
	})
	for _, r := range readRules(t).all() {
		if r.Alert != "AffluxJobAbsent" && !slices.ContainsFunc(slices.Concat(slices.Collect(maps.Values(planted))...), func(p string) bool {
			return strings.HasPrefix(p, r.Alert)
		}) {
			t.Errorf("the situation of %s is not planted", r.Alert)
		}
	}
}

// watch remembers the alerts that have fired.
type watch struct {
	server *server
	jobs   map[string]*served
	fired  map[string]map[string]alert // by job, and by name and place
}

// place are the labels of an alert that say where in its job it is.
var place = []string{"from", "operator", "partition", "to", "topic"}

// look asks for the alerts that fire now.
func (w *watch) look() error {
	alerts, err := w.server.alerts()
	if err != nil {
		return err
	}
	for _, a := range alerts {
		if a.State != "firing" || a.Labels["alertname"] == "AffluxJobAbsent" {
			continue // before the first scrape there is no job
		}
		what := a.Labels["alertname"]
		for _, name := range place {
			if v := a.Labels[name]; v != "" {
				what += " " + name + "=" + v
			}
		}
		job := a.Labels["job"]
		for name, s := range w.jobs {
			if s.address == a.Labels["instance"] && job == "afflux" { // the target, and not a job
				job = name
			}
		}
		if w.fired[job] == nil {
			w.fired[job] = map[string]alert{}
		}
		w.fired[job][what] = a
	}
	return nil
}

// missing tells which planted alerts have not fired yet.
func (w *watch) missing() error {
	if err := w.look(); err != nil {
		return err
	}
	for job, alerts := range planted {
		for _, what := range alerts {
			if _, fired := w.fired[job][what]; !fired {
				return fmt.Errorf("%s of job %s has not fired", what, job)
			}
		}
	}
	return nil
}

// unexpected are the alerts that have fired though nothing was planted.
func (w *watch) unexpected() []string {
	var out []string
	for job, alerts := range w.fired {
		for what, a := range alerts {
			if !slices.Contains(planted[job], what) {
				out = append(out, fmt.Sprintf("%s of job %s fires: %s", what, job, a.Annotations["description"]))
			}
		}
	}
	return out
}

// checkAnnotations holds the texts of alerts to the labels that they really have.
func checkAnnotations(t *testing.T, w *watch) {
	t.Helper()
	used := regexp.MustCompile(`\$labels\.(\w+)`)
	texts := map[string]map[string]string{}
	for _, r := range readRules(t).all() {
		texts[r.Alert] = r.Annotations
	}
	for job, alerts := range w.fired {
		for what, a := range alerts {
			for name, text := range texts[a.Labels["alertname"]] {
				for _, m := range used.FindAllStringSubmatch(text, -1) {
					if a.Labels[m[1]] == "" {
						t.Errorf("%s of job %s: its %s names the label %s, which it does not have", what, job, name, m[1])
					}
				}
			}
			if a.Labels["severity"] == "" || a.Annotations["summary"] == "" || a.Annotations["description"] == "" ||
				!strings.Contains(a.Annotations["runbook"], "afflux doctor http://"+w.jobs[job].address) {
				t.Errorf("%s of job %s lacks a severity, summary, description or runbook: %v", what, job, a.Annotations)
			}
		}
	}
}

// checkSelectors finds metrics and labels that alerts ask for and no job has.
func checkSelectors(t *testing.T, s *server) {
	t.Helper()
	grouped := regexp.MustCompile(`by \(([^)]+)\) \((?:(?:rate|increase|deriv|\w+_over_time)\()*(afflux_\w+)`)
	for _, r := range readRules(t).all() {
		for _, name := range metricName.FindAllString(r.Expr, -1) {
			if found, err := s.query("last_over_time(" + name + "[20s])"); err != nil || len(found) == 0 {
				t.Errorf("%s: there is no %s, %v", r.Alert, name, err)
			}
		}
		for _, m := range grouped.FindAllStringSubmatch(r.Expr, -1) {
			for _, by := range strings.Split(m[1], ", ") {
				found, err := s.query(fmt.Sprintf(`last_over_time(%s{%s!=""}[20s])`, m[2], by))
				if err != nil || len(found) == 0 {
					t.Errorf("%s: %s has no label %s, %v", r.Alert, m[2], by, err)
				}
			}
		}
	}
}
