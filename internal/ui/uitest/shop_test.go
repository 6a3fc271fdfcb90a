package uitest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/blackhole"
	"github.com/affluxdev/afflux/connector/generator"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/window"
)

// A job runs in a process of its own, the test binary once more, so that its use
// of the processor is its own. It is told by lines on its standard input: "press"
// and "release" switch the planted bottleneck. It ends with its input.
const jobVariable = "AFFLUX_UI_JOB"

// process is a job that runs.
type process struct {
	address string // of the page
	tell    io.Writer
}

// start runs one of the jobs below.
func start(t testing.TB, name string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), jobVariable+"="+name, "AFFLUX_UI_CHECKPOINTS="+t.TempDir())
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address, logged := make(chan string, 1), make(chan string, 1)
	go func() {
		var last []string
		for lines := bufio.NewScanner(out); lines.Scan(); {
			line := lines.Text()
			if _, rest, ok := strings.Cut(line, "page on "); ok {
				at, _, _ := strings.Cut(rest, ",")
				select {
				case address <- at:
				default:
				}
			}
			if last = append(last, line); len(last) > 20 {
				last = last[1:]
			}
		}
		logged <- strings.Join(last, "\n")
	}()
	t.Cleanup(func() {
		_ = in.Close()
		log := <-logged
		if err := cmd.Wait(); err != nil {
			t.Errorf("the job: %v\n%s", err, log)
		}
	})
	select {
	case at := <-address:
		return &process{address: at, tell: in}
	case log := <-logged:
		logged <- log
		t.Fatalf("the job ended at once:\n%s", log)
	case <-time.After(patience):
		t.Fatal("the job does not say where its page is")
	}
	return nil
}

func (p *process) say(t testing.TB, word string) {
	t.Helper()
	if _, err := fmt.Fprintln(p.tell, word); err != nil {
		t.Fatal(err)
	}
}

// run is the other side, in the process of the job.
func run(name string) error {
	var pressed atomic.Bool
	job := afflux.NewJob("clicks", afflux.Parallelism(2), afflux.Checkpoints(os.Getenv("AFFLUX_UI_CHECKPOINTS"), afflux.Every(2*time.Second)))
	switch name {
	case "shop":
		shop(job, &pressed, 4000)
	case "calm":
		shop(job, &pressed, 200)
	case "wide":
		job = afflux.NewJob("wide", afflux.Parallelism(16), afflux.Buffers(2, 4096))
		lines(job)
	case "brief":
		afflux.From(job, "numbers", generator.Source(func(i int64, v *int64) { *v = i }, generator.Rate(generator.Constant(1000)), generator.For(8*time.Second))).
			To("nowhere", blackhole.Sink[int64](), afflux.Unchained())
	default:
		return fmt.Errorf("no job %q", name)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			pressed.Store(lines.Text() == "press")
		}
	}()
	err := afflux.Execute(ctx, job, afflux.ExecuteOptions{Listen: "127.0.0.1:0", Headless: true, NoSummary: true, ShowValues: true})
	select {
	case <-ctx.Done(): // as told
		return nil
	default:
		if name == "brief" {
			return err
		}
		return errors.Join(err, errors.New("the job ended by itself"))
	}
}

type view struct {
	Item string
	Text string
	At   time.Time
	User int64
	Sum  float64
}

// shop counts what is looked at in a shop. While pressed, each record costs
// "score" so much work that the subtask with the hot key cannot keep up.
func shop(job *afflux.Job, pressed *atomic.Bool, rate float64) {
	clock := func() time.Time { return time.Now() }
	views := generator.Source(func(i int64, v *view) {
		item := i * 7919 % 5000
		if i%5 < 3 { // three of five look at the same
			item = 17
		}
		text := strconv.FormatInt(i%90, 10)
		if i%1999 == 0 {
			text = "<html>504 Gateway Timeout</html>"
		}
		*v = view{Item: fmt.Sprintf("item-%05d", item), Text: text, At: clock(), User: i % 20_000}
	}, generator.Rate(generator.Constant(rate)), generator.MaxBacklog(2000))
	job.DeadLetters("refused", blackhole.Sink[event.DeadLetter]())

	parsed := afflux.From(job, "views", views).
		EventTime(func(v *view) time.Time { return v.At }, afflux.OutOfOrder(time.Second)).
		TryUpdate("parse", func(v *view) error {
			n, err := strconv.Atoi(v.Text)
			v.Sum = float64(n)
			return err
		}, afflux.OnError(afflux.DeadLetter))
	known := parsed.MapAsync("profile", func(ctx context.Context, v *view) (view, error) {
		answer := time.NewTimer(2 * time.Millisecond)
		defer answer.Stop()
		select {
		case <-ctx.Done():
			return *v, ctx.Err()
		case <-answer.C:
			return *v, nil
		}
	}, afflux.InFlight(64), afflux.Unchained())
	scored := known.KeyBy("item", func(v *view) string { return v.Item }).Reduce("score", func(acc, v *view) {
		sum := acc.Sum/2 + math.Sqrt(float64(v.User))
		for begin := time.Now(); pressed.Load() && time.Since(begin) < 450*time.Microsecond; {
			sum += math.Sqrt(sum) / 1e6
		}
		*acc = *v
		acc.Sum = sum
	}, afflux.Unchained(), afflux.Parallelism(4), afflux.AnyOrder())
	scored.
		KeyBy("item", func(v *view) string { return v.Item }).
		Window(window.Sliding(10*time.Second, time.Second)).
		Aggregate("count", afflux.Count[view]()).
		To("popular", blackhole.Sink[window.Result[string, int64]]())
	parsed.To("archive", blackhole.Sink[view](), afflux.Unchained(), afflux.Parallelism(1), afflux.AnyOrder())
}

// lines are 200 operators with 16 subtasks each, with little to do.
func lines(job *afflux.Job) {
	for l := range 20 {
		s := afflux.From(job, fmt.Sprintf("line-%02d-source", l), generator.Source(func(i int64, v *int64) { *v = i }, generator.Rate(generator.Constant(20))))
		for i := range 8 {
			s = s.Update(fmt.Sprintf("line-%02d-step-%d", l, i), func(v *int64) { *v++ }, afflux.Unchained())
		}
		s.To(fmt.Sprintf("line-%02d-sink", l), blackhole.Sink[int64](), afflux.Unchained())
	}
	runtime.GC()
}
