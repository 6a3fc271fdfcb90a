package task

import "github.com/affluxdev/afflux/internal/metric"

// How often a running task looks at the clock, in nanoseconds.
const (
	tickEvery    = 50e3  // the clock itself
	yieldEvery   = 200e3 // others get the processor
	measureEvery = 1e6   // the credit windows
	maxAge       = 5e6   // of an open batch of a task that is never dry
)

// maxBatchesPerTick bounds the batches between two readings of the clock.
const maxBatchesPerTick = 64

// pace decides how often a task that never waits reads the clock, and samples
// how the time of a chain divides among its operators. Reading the clock costs
// about 25 ns: between batches of a microsecond it would show.
type pace struct {
	at      *link // the operator at work, for messages
	batches int   // since the last reading
	next    int   // batches until the next reading
	last    int64 // the last reading
	began   int64 // when the task last had the processor for itself
	worked  int64 // time not idle since the last Measure

	sampling  bool
	labelling bool  // a CPU profile is being taken
	countIn   int   // batches until the next sample
	mark      int64 // since when the time belongs to cur
	cur       *link
	total     int64 // all sampled time of the chain
	sampled   int64 // when the last sample ended
	division  division
}

func (p *pace) begin(now int64) { p.last, p.began, p.next, p.countIn = now, now, 1, 1 }

// pause is called when the task begins to wait.
func (p *pace) pause(now int64) {
	p.worked += now - p.last
	if p.sampling {
		p.cur.own += now - p.mark
	}
}

// resume is called when it goes on. Waiting for input is not work; being
// blocked is part of how long the receiver takes for its bytes. What was known of
// the time of a batch is forgotten: a task that waits at each of them would
// otherwise never come to look at the clock, and the windows would stay as they
// are.
func (p *pace) resume(now int64, idle bool, waited int64) {
	if !idle {
		p.worked += waited
	}
	p.last, p.began, p.batches, p.next = now, now, 0, 1
	p.mark = now
}

// tick is passed after each batch.
func (t *Task) tick() {
	p := &t.pace
	if p.sampling {
		t.sampleEnd()
	}
	if t.cfg.EveryStep {
		t.host.Yield()
	}
	if p.batches++; p.batches < p.next {
		return
	}
	now := t.host.Now()
	took := now - p.last
	p.worked += took
	p.last = now
	if avg := took / int64(p.batches); avg > 0 {
		p.next = int(min(max(tickEvery/avg, 1), maxBatchesPerTick))
	}
	p.batches = 0
	if p.worked >= measureEvery && t.gate != nil {
		if err := t.gate.Measure(timeOf(p.worked)); err != nil {
			t.links[0].fail(err)
		}
		p.worked = 0
	}
	if now-p.sampled >= sampleEvery {
		p.countIn = 1
	}
	t.ring(now)
	for _, o := range t.outputs {
		o.Age(now, maxAge)
	}
	t.openBytes.Store(t.heldBytes())
	if now-p.began >= yieldEvery {
		t.host.Yield()
		p.began = t.host.Now()
	}
}

// watched tells whether hand-overs within the chain are to be noticed.
func (p *pace) watched() bool { return p.sampling || p.labelling }

// handOver is called when another operator of the chain goes to work.
func (t *Task) handOver(l *link) {
	if t.pace.sampling {
		t.sampleSwitch(l)
	}
	if t.pace.labelling {
		l.label()
	}
}

// sampleBegin starts a sample for some of the batches: the operators of the
// chain then read the clock at each hand-over.
func (t *Task) sampleBegin(l *link) {
	p := &t.pace
	p.at = l
	if p.labelling = metric.Profiling(); p.labelling {
		l.label()
	}
	if p.countIn--; p.countIn > 0 || len(t.links) == 1 {
		return
	}
	p.sampling = true
	p.mark, p.cur = t.host.Now(), l
}

// sampleSwitch gives the time up to now to the operator at work and goes on
// with another.
func (t *Task) sampleSwitch(l *link) {
	p := &t.pace
	now := t.host.Now()
	p.cur.own += now - p.mark
	p.mark, p.cur = now, l
}

// costOfSample is what reading the clock at both ends of an operator takes,
// nanoseconds; a sample is taken so rarely that it costs under 0.3 %.
const (
	costOfSample   = 50
	samplesDivisor = 300
)

// sampleEvery is the time without a sample after which the next batch is one,
// nanoseconds: batches may suddenly take much longer.
const sampleEvery = 10e6

func (t *Task) sampleEnd() {
	p := &t.pace
	t.sampleSwitch(p.cur)
	p.sampling, p.sampled = false, p.mark
	var total int64
	for _, l := range t.links {
		total += l.own
	}
	took := max(total-p.total, 1)
	p.total = total
	p.division.divide(t.links, t.Account.Worked(p.mark))
	p.countIn = int(min(max(int64(len(t.links))*costOfSample*samplesDivisor/took, 1), 256))
}
