package api

import (
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/diagnosis"
	"github.com/affluxdev/afflux/internal/metric"
	"github.com/prometheus/client_golang/prometheus"
)

// collector turns two snapshots into Prometheus metrics at each scrape, so
// that counting costs the job nothing. It describes no metric in advance,
// since connectors add gauges of their own.
type collector struct {
	pair   func() (before, now *metric.Job)
	report func() diagnosis.Report
}

// Describe implements prometheus.Collector: unchecked.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	before, now := c.pair()
	if now == nil {
		return
	}
	s := &scrape{out: out, before: before, now: now, sent: map[string]bool{}}
	s.job()
	s.diagnosis(c.report())
	s.latencies()
	s.operators()
	s.channels()
}

// scrape is one collection in progress.
type scrape struct {
	out         chan<- prometheus.Metric
	before, now *metric.Job
	// sent has the series of open sets of names that were sent: two names of
	// a connector may become one when made valid.
	sent map[string]bool
}

// descs caches the descriptions of one table for one scrape.
func descs[V any](table []series[V], labels ...string) []*prometheus.Desc {
	d := make([]*prometheus.Desc, len(table))
	for i, s := range table {
		d[i] = prometheus.NewDesc(s.fullName(), s.meaning, labels, nil)
	}
	return d
}

// fullName is the name as it is exported.
func (s series[V]) fullName() string {
	if s.counter {
		return s.name + "_total"
	}
	return s.name
}

func emit[V any](s *scrape, table []series[V], d []*prometheus.Desc, v *V, labels ...string) {
	for i, t := range table {
		if x, known := t.value(v); known {
			s.send(d[i], t.counter, x, labels...)
		}
	}
}

func (s *scrape) send(d *prometheus.Desc, counter bool, v float64, labels ...string) {
	kind := prometheus.GaugeValue
	if counter {
		kind = prometheus.CounterValue
	}
	for i := range labels {
		labels[i] = strings.ToValidUTF8(labels[i], "\ufffd")
	}
	m, err := prometheus.NewConstMetric(d, kind, v, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(d, err)
	}
	s.out <- m
}

// once tells whether the series is sent for the first time.
func (s *scrape) once(name string, labels []string) bool {
	key := name + "\xff" + strings.Join(labels, "\xff")
	first := !s.sent[key]
	s.sent[key] = true
	return first
}

func (s *scrape) job() {
	emit(s, jobSeries, descs(jobSeries, "job"), s.now, s.now.Name)
	if c := s.now.Checkpoints; c != nil {
		emit(s, checkpointSeries, descs(checkpointSeries, "job"), c, s.now.Name)
	}
	state := prometheus.NewDesc(stateName, stateHelp, []string{"job", "state"}, nil)
	s.send(state, false, 1, s.now.Name, s.now.State)
}

// diagnosis sends what was found, each operator and cause once, and the bottleneck
// among it.
func (s *scrape) diagnosis(r diagnosis.Report) {
	if f, ok := r.Bottleneck(); ok {
		d := prometheus.NewDesc(bottleneckName, bottleneckHelp, []string{"job", "operator", "cause"}, nil)
		s.send(d, false, 1, s.now.Name, f.Operator, string(f.Cause))
	}
	d := prometheus.NewDesc(findingName, findingHelp, []string{"job", "operator", "cause", "severity"}, nil)
	for _, f := range r.Findings {
		if labels := []string{s.now.Name, f.Operator, string(f.Cause), string(f.Severity)}; s.once(findingName, labels) {
			s.send(d, false, 1, labels...)
		}
	}
}

// subtaskLabels are on each metric of a subtask. The task is named by the
// operators of its chain.
var subtaskLabels = []string{"job", "task", "operator", "subtask"}

func (s *scrape) operators() {
	taskDescs, operatorDescs := descs(taskSeries, subtaskLabels...), descs(operatorSeries, subtaskLabels...)
	barrierDescs := descs(barrierSeries, subtaskLabels...)
	counterDesc := prometheus.NewDesc(counterName, counterHelp, append(slices.Clone(subtaskLabels), "name"), nil)
	tasks := taskNames(s.now)
	senders := sendersOf(s.now)
	seconds := s.now.At.Sub(s.before.At).Seconds()
	for i := range s.now.Operators {
		o := &s.now.Operators[i]
		for j := range o.Subtasks {
			v := instance{before: &metric.Subtask{}, now: &o.Subtasks[j], at: s.now.At, seconds: seconds, source: o.Kind == "source"}
			if i < len(s.before.Operators) && j < len(s.before.Operators[i].Subtasks) {
				v.before = &s.before.Operators[i].Subtasks[j]
			}
			v.input, v.hasInput = inputWatermark(senders[o.ID], j)
			labels := func(more ...string) []string {
				return append([]string{s.now.Name, tasks[o.Chain], o.Name, itoa(j)}, more...)
			}
			emit(s, taskSeries, taskDescs, &v, labels()...)
			if b := v.now.Barrier; b != nil {
				emit(s, barrierSeries, barrierDescs, b, labels()...)
			}
			emit(s, operatorSeries, operatorDescs, &v, labels()...)
			for name, n := range v.now.Counters {
				s.send(counterDesc, true, float64(n), labels(name)...)
			}
			for _, g := range v.now.Gauges {
				s.gauge(g, labels())
			}
		}
	}
}

// gauge sends a gauge of a connector with its own labels.
func (s *scrape) gauge(g metric.Gauge, values []string) {
	name, help := connectorPrefix+validName(g.Name), connectorHelp
	if g.Name == "lag" {
		name, help = lagName, lagHelp
	}
	names := slices.Clone(subtaskLabels)
	for i := 0; i+1 < len(g.Labels); i += 2 {
		label := validName(g.Labels[i])
		for slices.Contains(names, label) {
			label = "exported_" + label
		}
		names = append(names, label)
		values = append(values, g.Labels[i+1])
	}
	if math.IsNaN(g.Value) || !s.once(name, append(slices.Clone(names), values...)) {
		return
	}
	s.send(prometheus.NewDesc(name, help, names, nil), false, g.Value, values...)
}

// channels sends the channels of each edge, summed by receiving subtask: a
// keyed exchange of 100 by 100 subtasks has 10 000 channels.
func (s *scrape) channels() {
	d, edgeDescs := descs(channelSeries, "job", "from", "to", "subtask"), descs(edgeSeries, "job", "from", "to")
	names := map[int]string{}
	for _, o := range s.now.Operators {
		names[o.ID] = o.Name
	}
	for n, e := range s.now.Edges {
		boxes := map[int]*inbox{}
		var order []int
		for _, c := range e.Channels {
			b := boxes[c.ToSubtask]
			if b == nil {
				b = &inbox{}
				boxes[c.ToSubtask] = b
				order = append(order, c.ToSubtask)
			}
			b.inFlight += c.InFlight
			b.window += c.Window
			b.bound += c.Bound
			b.sent += c.Sent
			b.blocked += c.Blocked
		}
		to := names[e.To]
		if len(boxes) > 0 && !s.once("edge", []string{names[e.From], to}) {
			to += "#" + itoa(n) // a second arrow between the same two
		}
		emit(s, edgeSeries, edgeDescs, &e, s.now.Name, names[e.From], to)
		for _, subtask := range order {
			emit(s, channelSeries, d, boxes[subtask], s.now.Name, names[e.From], to, itoa(subtask))
		}
	}
}

// taskNames names each chain by its operators.
func taskNames(j *metric.Job) map[int]string {
	names := map[int]string{}
	for _, o := range j.Operators {
		if before, ok := names[o.Chain]; ok {
			names[o.Chain] = before + " -> " + o.Name
		} else {
			names[o.Chain] = o.Name
		}
	}
	return names
}

// sender is an operator that sends to another.
type sender struct {
	subtasks []metric.Subtask
	aligned  bool // each subtask to the one of the same index
}

func sendersOf(j *metric.Job) map[int][]sender {
	byID := map[int]*metric.Operator{}
	for i := range j.Operators {
		byID[j.Operators[i].ID] = &j.Operators[i]
	}
	senders := map[int][]sender{}
	for _, e := range j.Edges {
		if from := byID[e.From]; from != nil {
			senders[e.To] = append(senders[e.To], sender{from.Subtasks, e.Kind == "forward" || e.Kind == "chained"})
		}
	}
	return senders
}

// inputWatermark is the watermark that the senders of a subtask have passed on,
// merged.
func inputWatermark(senders []sender, subtask int) (event.Time, bool) {
	var w metric.Watermarks
	for _, s := range senders {
		for i := range s.subtasks {
			if !s.aligned || i == subtask {
				w.Add(&s.subtasks[i])
			}
		}
	}
	return w.Merged()
}

// validName makes a name that Prometheus accepts of one that a connector
// chose.
func validName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return '_'
	}, s)
	if s == "" || unicode.IsDigit(rune(s[0])) || strings.HasPrefix(s, "__") {
		s = "x" + s
	}
	return s
}
