package checkpoint

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestCoordinatorScripts runs testdata/coordinator/*.txt. After the time:
//
//	job read:2 count:2<read write:1<-count [interval=D] [pause=D] [timeout=D]
//	    [tolerated=N] [retain=N] [unaligned=D] [next=N]
//	                                 tasks; "<" receives from all, "<-" one to one
//	tick | trigger checkpoint|savepoint | close REASON
//	ack TASK/I ID [FILE ...]         "FILE" is new, "ID:FILE" is shared with ID
//	decline TASK/I ID REASON
//	finish TASK/I
//	written ID [ERROR] | withdrawn ID [ERROR] | committed ID [ERROR]
func TestCoordinatorScripts(t *testing.T) {
	runScripts(t, "coordinator", func() scripted { return &scriptedJob{} })
}

type scriptedJob struct {
	*Coordinator
	kinds map[int64]Kind
}

func (j *scriptedJob) do(now time.Time, words []string) ([]string, error) {
	a := parseArguments(words[1:])
	var out []Decision
	switch words[0] {
	case "job":
		return nil, j.start(now, a)
	case "tick":
		out = j.Tick(now)
	case "trigger":
		out = j.Trigger(now, map[string]Kind{"checkpoint": Checkpoint, "savepoint": Savepoint}[words[1]])
	case "close":
		out = j.Close(now, strings.Join(words[1:], " "))
	case "ack":
		id := number(a.plain[1])
		out = j.Acknowledge(now, Acknowledgement{Subtask: subtask(a.plain[0]), ID: id, Part: Part{Files: j.files(id, a.plain[2:])}})
	case "decline":
		out = j.Decline(now, Decline{Subtask: subtask(a.plain[0]), ID: number(a.plain[1]), Reason: strings.Join(a.plain[2:], " ")})
	case "finish":
		out = j.Finished(now, subtask(a.plain[0]), Part{})
	case "written", "withdrawn", "committed":
		var err error
		if len(a.plain) > 1 {
			err = errors.New(strings.Join(a.plain[1:], " "))
		}
		answer := map[string]func(time.Time, int64, error) []Decision{"written": j.ManifestWritten, "withdrawn": j.Withdrawn, "committed": j.Committed}
		out = answer[words[0]](now, number(a.plain[0]), err)
	default:
		return nil, fmt.Errorf("there is no such command")
	}
	for _, d := range out {
		if d, ok := d.(Inject); ok {
			j.kinds[d.Barrier.ID] = d.Barrier.Kind
		}
	}
	return lines(out), nil
}

func (j *scriptedJob) start(now time.Time, a arguments) error {
	var tasks []Task
	for _, w := range strings.Fields(strings.Join(a.plain, " ")) {
		name, rest, _ := strings.Cut(w, ":")
		n, from, receives := strings.Cut(rest, "<")
		t := Task{Name: name, Parallelism: int(number(n)), Operators: []string{name}}
		if receives {
			f, forward := strings.CutPrefix(from, "-")
			t.Inputs = []Input{{Task: f, Forward: forward}}
		}
		tasks = append(tasks, t)
	}
	cfg := Config{Job: "scripted", KeyGroups: 128, Interval: a.duration("interval", 0), MinPause: a.duration("pause", 0), Timeout: a.duration("timeout", 0),
		Tolerated: int(a.number("tolerated", 0)), Retain: int(a.number("retain", 1)), UnalignedAfter: a.duration("unaligned", -1), History: 10}
	registry, err := NewRegistry()
	if err != nil {
		return err
	}
	j.kinds = map[int64]Kind{}
	j.Coordinator, err = NewCoordinator(cfg, tasks, registry, a.number("next", 1), now)
	return err
}

func (j *scriptedJob) files(id int64, words []string) []File {
	var out []File
	for _, w := range words {
		of := id
		if from, rest, ok := strings.Cut(w, ":"); ok {
			of, w = number(from), rest
		}
		out = append(out, File{Name: FileName(j.kinds[of], of, w), Size: fileSize(10), Checkpoint: of})
	}
	return out
}

func (j *scriptedJob) state() []string {
	out := fmt.Sprintf("complete %d, savepoints %d", j.Complete(), j.registry.IDs(Savepoint))
	if h := j.History(); len(h) > 0 {
		out += fmt.Sprintf("; %s %d is %s", h[0].Kind, h[0].ID, h[0].Phase)
		if h[0].Phase == "collecting" {
			out += fmt.Sprintf(", %d of %d", len(h[0].Subtasks), h[0].Expected)
		}
	}
	if at, ok := j.Due(); ok {
		out += fmt.Sprintf("; due at %s", at.Sub(epoch))
	}
	return []string{out}
}

func subtask(s string) Subtask {
	task, index, _ := strings.Cut(s, "/")
	return Subtask{task, int(number(index))}
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}
