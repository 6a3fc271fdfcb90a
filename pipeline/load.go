package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// Options change how a pipeline is loaded.
type Options struct {
	// Set holds assignments path=value that replace values of the file, in
	// order: "sources.clicks.file.path=clicks.csv". Steps are named by their
	// name or their index.
	Set []string
	// Lookup finds the variables of ${VAR}; os.LookupEnv if nil.
	Lookup func(name string) (string, bool)
}

// Pipeline is a pipeline that has been checked and can become a job.
type Pipeline struct {
	name        string
	parallelism int
	buffers     bufferConfig
	checkpoints optional[checkpointConfig]
	restart     optional[restartConfig]
	latency     span
	plan        *plan
	letters     connector.Sink[event.DeadLetter]
}

// LoadFile reads and checks the pipeline in a file. The error is Problems when
// the pipeline is wrong.
func LoadFile(path string, o Options) (*Pipeline, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the pipeline cannot be read: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("the pipeline cannot be read: %s is not a file", path)
	case info.Size() > MaxFile:
		return nil, fmt.Errorf("the pipeline cannot be read: %s has more than %d bytes", path, MaxFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the pipeline cannot be read: %w", err)
	}
	return Load(path, text, o)
}

// Load checks a pipeline given as text; file is its name for messages. It opens
// nothing but the schema and trace files that the pipeline names.
func Load(file string, text []byte, o Options) (*Pipeline, error) {
	r := newReport(file, text)
	root := parseTree(r, text)
	if root == nil || len(r.all) > 0 {
		return nil, r.err()
	}
	for _, s := range o.Set {
		r.override(root, s)
	}
	lookup := o.Lookup
	if lookup == nil {
		lookup = os.LookupEnv
	}
	r.expand(root, lookup)
	cfg := newConfig()
	readSection(r, root, cfg)
	c := &checker{report: r, config: cfg, streams: map[string]*stream{}, names: map[string]place{}}
	p := &Pipeline{plan: c.check(), name: cfg.name.value, parallelism: cfg.parallelism.or(0), buffers: cfg.buffers.value, checkpoints: cfg.checkpoints, restart: cfg.restart, latency: cfg.latency}
	if p.name == "" {
		p.name = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	}
	p.letters = c.letters()
	if err := r.err(); err != nil {
		return nil, err
	}
	return p, nil
}

// Name is the name of the job.
func (p *Pipeline) Name() string { return p.name }

// WritesStdout tells whether a sink writes records to standard output.
func (p *Pipeline) WritesStdout() bool {
	for _, s := range p.plan.sinks {
		if s.sink.Describe().WritesStdout {
			return true
		}
	}
	return p.letters != nil && p.letters.Describe().WritesStdout
}

// Close ends connections that the jobs of the pipeline have left open for
// further requests. It is called when they have ended.
func (p *Pipeline) Close() {
	for _, s := range p.plan.steps {
		if h, ok := s.op.(*httpOp); ok {
			h.client.CloseIdleConnections()
		}
	}
}

// Build makes a job, and the directory of its checkpoints. It may be called
// several times; each call makes a new job.
func (p *Pipeline) Build(options ...afflux.JobOption) *afflux.Job {
	j := afflux.NewJob(p.name)
	if p.parallelism > 0 {
		j.Set(afflux.Parallelism(p.parallelism))
	}
	p.setBuffers(j)
	p.setCheckpoints(j)
	if p.latency.given() {
		j.Set(afflux.LatencyEvery(p.latency.value))
	}
	j.Set(options...)
	streams := map[string]*afflux.Stream[Row]{}
	for _, s := range p.plan.sources {
		streams[s.name] = s.build(j)
	}
	for _, s := range p.plan.steps {
		in := make([]*afflux.Stream[Row], len(s.from))
		for i, name := range s.from {
			in[i] = streams[name]
		}
		for i, out := range s.op.build(s, in) {
			streams[s.outputs[i].name] = out
		}
	}
	for _, s := range p.plan.sinks {
		streams[s.from].To(s.name, s.sink, s.options...)
	}
	if p.letters != nil {
		j.DeadLetters(lettersName, p.letters)
	}
	return j
}

func (p *Pipeline) setBuffers(j *afflux.Job) {
	b := &p.buffers
	if b.batches.given() || b.batchSize.given() {
		j.Set(afflux.Buffers(b.batches.or(8), int(b.batchSize.or(32<<10))))
	}
	if b.maxRecord.given() {
		j.Set(afflux.MaxRecord(int(b.maxRecord.value)))
	}
	if b.target.given() {
		j.Set(afflux.WindowTarget(b.target.value))
	}
}
