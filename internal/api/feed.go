package api

import (
	"context"
	"encoding/json"
	"strings"
	"sync"

	"github.com/affluxdev/afflux/internal/diagnosis"
	"github.com/affluxdev/afflux/internal/metric"
)

// maxSubscribers bounds those who follow a job at a time: open pages, mostly.
const maxSubscribers = 8

// examineEvery is how often a job is examined while somebody asks. The diagnosis
// compares the samples of some seconds, which costs more than all the rest.
const examineEvery = 2 * metric.SampleInterval

// feed follows the samples of a job for all who look at it: each sample is
// written as JSON at most once, and only while somebody asks. It takes no
// snapshots of its own, but one before the first sample.
type feed struct {
	sampler *metric.Sampler
	// letters is nil where dead letters are not kept.
	letters func() metric.DeadLetters
	values  bool // the contents of records may be shown
	history history

	// seeing guards what is known of the last sample that was asked for.
	seeing sync.Mutex
	seen   sight

	// mu is taken with seeing held or without, never the other way round.
	mu          sync.Mutex
	subscribers map[*subscriber]struct{}
	closed      bool
}

// sight is what there is to tell of one sample.
type sight struct {
	job    *metric.Job
	rates  metric.Rates
	report diagnosis.Report
	// examined is the sample that the report is of: this one or one before.
	examined *metric.Job
	failure  string // the error of the job, as it may be told
	text     []byte // the overview as JSON
	err      error  // why there is no text
}

// frame is what a subscriber gets: the whole overview, nothing else comes after
// the last one.
type frame struct {
	text []byte
	last bool
	// final tells that the job has ended, and not only the server.
	final bool
}

// subscriber has one slot with the latest event. A reader that is slow misses
// events and holds nobody up.
type subscriber struct{ slot chan frame }

func newFeed(o Options) *feed {
	return &feed{sampler: o.Sampler, letters: o.DeadLetters, values: o.ShowValues, subscribers: map[*subscriber]struct{}{}}
}

// run follows the samples until ctx ends; then subscribers get a last event.
func (f *feed) run(ctx context.Context) {
	for {
		changed := f.sampler.Changed()
		if samples := f.sampler.Samples(); len(samples) > 0 {
			f.history.add(samples[len(samples)-1])
		}
		if f.followed() {
			f.send(false)
		}
		select {
		case <-ctx.Done():
			f.send(true)
			return
		case <-changed:
		}
	}
}

func (f *feed) followed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.subscribers) > 0
}

// send gives all subscribers the latest overview. When the server closes, or the
// job has ended, there is no more.
func (f *feed) send(closing bool) {
	e := f.latest()
	f.mu.Lock()
	defer f.mu.Unlock()
	e.last = e.final || closing
	f.closed = f.closed || closing
	for s := range f.subscribers {
		s.put(e)
	}
}

// put replaces what the subscriber has not taken. The caller holds the lock of
// the feed, so that nobody else fills the slot meanwhile.
func (s *subscriber) put(e frame) {
	select {
	case <-s.slot:
	default:
	}
	s.slot <- e
}

// subscribe gives a subscriber with the latest overview in its slot, if there is
// one already, and false when there are too many.
func (f *feed) subscribe() (*subscriber, bool) {
	e := f.latest()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.subscribers) >= maxSubscribers {
		return nil, false
	}
	s := &subscriber{slot: make(chan frame, 1)}
	f.subscribers[s] = struct{}{}
	if e.last = e.final || f.closed; e.text != nil || e.last {
		s.put(e)
	}
	return s, true
}

func (f *feed) unsubscribe(s *subscriber) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.subscribers, s)
}

func (f *feed) latest() frame {
	s := f.look()
	return frame{text: s.text, final: s.job != nil && s.job.Ended()}
}

// look tells of the last sample; its job is nil while there is none. Nobody may
// change what is returned.
func (f *feed) look() sight {
	f.seeing.Lock()
	defer f.seeing.Unlock()
	samples := f.sampler.Samples()
	if n := len(samples); n > 0 && samples[n-1] == f.seen.job {
		return f.seen
	}
	job, rates := f.sampler.Latest()
	if job == nil { // nobody has sampled yet
		if job, rates = f.sampler.Current(); job == nil {
			return sight{}
		}
		samples = []*metric.Job{job}
	}
	s := sight{job: job, rates: rates, report: f.seen.report, examined: f.seen.examined}
	if s.examinable() {
		s.report, s.examined = diagnosis.Examine(samples), job
		for i := range s.report.Findings {
			s.report.Findings[i].Evidence = f.told(job, s.report.Findings[i].Evidence)
		}
	}
	s.failure = f.told(job, job.Error)
	v := overviewOf(&s)
	if f.letters != nil {
		v.DeadLetters = f.letters().Total
	}
	s.text, s.err = json.Marshal(v)
	f.seen = s
	return s
}

// told is a text about a job without the record that made it fail, unless that may be
// shown.
func (f *feed) told(j *metric.Job, text string) string {
	if f.values || j.ErrorRecord == "" {
		return text
	}
	return strings.ReplaceAll(text, j.ErrorRecord, "")
}

// examinable tells whether it is time to examine the job again. Samples do not
// come to the millisecond.
func (s *sight) examinable() bool {
	e := s.examined
	return e == nil || e.State != s.job.State || e.Attempt != s.job.Attempt || e.Restarts != s.job.Restarts ||
		s.job.At.Sub(e.At) >= examineEvery-metric.SampleInterval/2 || s.job.At.Before(e.At)
}

// report is the diagnosis of the last sample.
func (f *feed) report() diagnosis.Report { return f.look().report }
