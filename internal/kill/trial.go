package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/affluxdev/afflux/internal/broker"
	"github.com/affluxdev/afflux/internal/realkafka"
)

// trial is what the flags say.
type trial struct {
	rounds  int
	broker  string
	seed    uint64
	rate    int
	faults  bool
	verbose bool

	rng  *rand.Rand
	dir  string
	addr string
	real *realkafka.Broker // nil for the embedded log
}

const (
	stepRandom   = "random"
	faultRestart = "restarted"
	faultPause   = "paused"
)

func (o *trial) run(ctx context.Context) (r result, err error) {
	o.rng = rand.New(rand.NewPCG(o.seed, 4))
	r = result{rounds: o.rounds, at: map[string]int{}, faults: map[string]int{}}
	if o.dir, err = os.MkdirTemp("", "afflux-kill-"); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	stop, err := o.start(ctx)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := o.topics(ctx); err != nil {
		return r, err
	}
	l, err := newLoad(o.addr, o.rate)
	if err != nil {
		return r, err
	}
	defer l.cl.Close()
	producing, enough := context.WithCancel(ctx)
	defer enough()
	produced := make(chan error, 1)
	go func() { produced <- l.produce(producing) }()
	for n := range o.rounds {
		step, fault, err := o.round(ctx, n)
		if err != nil {
			return r, fmt.Errorf("round %d: %w", n+1, err)
		}
		r.at[step]++
		if fault != "" {
			r.faults[fault]++
		}
		if o.verbose {
			fmt.Fprintf(os.Stderr, "round %d: killed at %s %s\n", n+1, step, fault)
		}
	}
	enough()
	if err := <-produced; err != nil {
		return r, err
	}
	r.records = l.n
	if err := o.finish(ctx); err != nil {
		return r, err
	}
	return r, r.judge(ctx, o.addr, l.counts)
}

// start starts the broker.
func (o *trial) start(ctx context.Context) (stop func() error, err error) {
	switch o.broker {
	case "embedded":
		b, err := broker.Start(ctx, broker.Options{Listen: "127.0.0.1:0", DataDir: filepath.Join(o.dir, "log")})
		if err != nil {
			return nil, err
		}
		o.addr = b.Addr()
		return b.Close, nil
	case "kafka":
		if o.real, err = realkafka.Start(ctx, filepath.Join(o.dir, "kafka"), nil); err != nil {
			return nil, err
		}
		o.addr = o.real.Addr()
		return o.real.Stop, nil
	}
	return nil, fmt.Errorf("there is no broker %q: it is embedded or kafka", o.broker)
}

func (o *trial) topics(ctx context.Context) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(o.addr))
	if err != nil {
		return err
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	for topic, n := range map[string]int32{inTopic: partitions, outTopic: 2} {
		t, err := admin.CreateTopics(ctx, n, 1, nil, topic)
		if err = errors.Join(err, t.Error()); err != nil {
			return err
		}
	}
	for { // a broker may take some time to know them
		t, err := admin.ListTopics(ctx, inTopic, outTopic)
		if err == nil && t.Error() == nil && len(t) == 2 {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		pause(50 * time.Millisecond)
	}
}

func (o *trial) command(ctx context.Context, more ...string) (*exec.Cmd, io.ReadCloser, *tail, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, nil, err
	}
	args := append([]string{"worker", "-addr", o.addr, "-dir", filepath.Join(o.dir, "checkpoints")}, more...)
	cmd := exec.CommandContext(ctx, self, args...)
	log := &tail{show: o.verbose}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, nil, err
	}
	return cmd, out, log, cmd.Start()
}

// round runs the job and kills it: at a random moment, or at a step of a
// checkpoint.
func (o *trial) round(ctx context.Context, n int) (step, fault string, err error) {
	cmd, out, log, err := o.command(ctx)
	if err != nil {
		return "", "", err
	}
	steps := make(chan string, 4096)
	go func() {
		defer close(steps)
		for s := bufio.NewScanner(out); s.Scan(); {
			steps <- s.Text()
		}
	}()
	if o.real != nil && o.faults {
		if fault, err = o.disturb(ctx, n); err != nil {
			return "", "", err
		}
	}
	step = [...]string{stepRandom, stepRandom, stepState, stepManifest, stepCommit, stepDelete}[o.rng.IntN(6)]
	if step == stepRandom {
		err = o.wait(ctx, steps, time.Duration(o.rng.Int64N(int64(1500*time.Millisecond))))
	} else {
		err = o.waitFor(ctx, steps, step, 1+o.rng.IntN(8))
	}
	if err == nil {
		pause(time.Duration(o.rng.Int64N(int64(3 * time.Millisecond))))
	}
	if k := cmd.Process.Kill(); k != nil {
		err = errors.Join(err, k)
	}
	for range steps { // until the process has gone
	}
	_ = cmd.Wait()
	if err != nil {
		return "", "", fmt.Errorf("%w; the job said:\n%s", err, log.last())
	}
	return step, fault, nil
}

// pause lets a part of a millisecond pass.
func pause(d time.Duration) {
	t := time.NewTimer(d)
	<-t.C
}

var errEnded = errors.New("the job has ended although nobody has killed it")

func (o *trial) wait(ctx context.Context, steps <-chan string, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case _, ok := <-steps:
			if !ok {
				return errEnded
			}
		}
	}
}

// patience is how long a step may let wait for itself.
const patience = 2 * time.Minute

func (o *trial) waitFor(ctx context.Context, steps <-chan string, step string, n int) error {
	t := time.NewTimer(patience)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			return fmt.Errorf("the job has not come to %q in %v", step, patience)
		case <-ctx.Done():
			return ctx.Err()
		case s, ok := <-steps:
			if !ok {
				return errEnded
			}
			if s == step {
				if n--; n == 0 {
					return nil
				}
			}
		}
	}
}

// disturb stops and starts the broker, or pauses it, in some rounds.
func (o *trial) disturb(ctx context.Context, n int) (string, error) {
	switch {
	case n%20 == 7:
		pause(500 * time.Millisecond)
		if err := o.real.Stop(); err != nil {
			return "", err
		}
		return faultRestart, o.real.Restart(ctx)
	case n%20 == 15:
		pause(500 * time.Millisecond)
		if err := o.real.Pause(); err != nil {
			return "", err
		}
		pause(10 * time.Second)
		return faultPause, o.real.Resume()
	}
	return "", nil
}

// finish lets the job read what is left, and end.
func (o *trial) finish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cmd, out, log, err := o.command(ctx, "-last")
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, out); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("the last run has failed: %w; the job said:\n%s", err, log.last())
	}
	return nil
}

// tail keeps the end of what a process says.
type tail struct {
	show  bool
	lines []string
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	if t.show {
		_, _ = os.Stderr.Write(p)
	}
	t.lines = append(t.lines, strings.Split(strings.TrimSpace(string(p)), "\n")...)
	t.lines = t.lines[max(0, len(t.lines)-20):]
	return len(p), nil
}

func (t *tail) last() string { return strings.Join(t.lines, "\n") }
