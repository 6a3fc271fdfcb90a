package diagnosis

import "github.com/affluxdev/afflux/internal/metric"

// Bottleneck names the operator that limits a job most, and false when none does.
// It judges by one interval, and so also what passes in a second; Examine does
// not, and finds all that there is.
//
// A job without pressure is limited by a source if the lag of that source grows.
func Bottleneck(rates metric.Rates, now *metric.Job) (Finding, bool) {
	if now == nil || rates.Interval < shortest || !works(now) {
		return Finding{}, false
	}
	l := lookAt(nil, now, rates)
	if all := l.culprits(); len(all) > 0 {
		f := l.classify(all[0], l.pressureOf(all[0].by))
		f.Severity = Warning
		return f, true
	}
	if start := worst(l.arrows); start != nil && start.pressure > meaningful {
		return Finding{}, false
	}
	return l.laggingSource()
}

// laggingSource looks for the source whose lag grows most.
func (l *look) laggingSource() (Finding, bool) {
	var task *task
	for _, t := range l.tasks {
		if o := t.source(); o != nil && fallsBehind(o) && (task == nil || o.LagGrowth > task.source().LagGrowth) {
			task = t
		}
	}
	if task == nil {
		return Finding{}, false
	}
	o := task.source()
	return l.fallingBehind(&trend{source: o, task: task, known: true, lag: o.Lag, growth: o.LagGrowth, growing: true}), true
}

// fallsBehind tells whether a lag grows by more than noise: it is more than a
// second of work, and grows by more than a twentieth of what is read.
func fallsBehind(o *metric.OperatorRate) bool {
	return o.Lag > max(o.Out, 100) && o.LagGrowth > max(o.Out/20, 10)
}
