package checkpoint

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// jobModel carries out what a Coordinator decides, with delays and failures
// that are drawn, and holds it to the rules.
type jobModel struct {
	t     *rapid.T
	c     *Coordinator
	cfg   Config
	tasks []Task
	now   time.Time

	store     map[string]File            // files that are there
	manifests map[int64]*Manifest        // that are there
	discarded map[string]int             // how often
	owed      map[int64]map[Subtask]bool // who has not answered yet
	acked     map[int64]map[Subtask]bool
	got       map[Subtask]int64 // the last barrier that was injected
	finished  map[Subtask]bool
	flying    int64 // the checkpoint under way
	kinds     map[int64]Kind
	writing   *Manifest
	landed    bool // the manifest is there, whatever was said
	withdraw  int64
	commit    int64
	committed map[int64]bool
	failed    bool
	live      []File // of each subtask that it would refer to again: the last complete one's
	files     int
}

func (j *jobModel) all(yield func(Subtask) bool) {
	for _, t := range j.tasks {
		for i := range t.Parallelism {
			if !yield(Subtask{t.Name, i}) {
				return
			}
		}
	}
}

func (j *jobModel) obey(decisions []Decision) {
	for _, d := range decisions {
		switch d.(type) {
		case Discard, Refuse:
		default:
			if j.failed {
				j.t.Fatalf("after the job has failed: %s", d)
			}
		}
		switch d := d.(type) {
		case Inject:
			j.inject(d)
		case WriteManifest:
			j.complete(d.Manifest)
		case Withdraw:
			j.withdraw = d.ID
		case NotifyCommit:
			if j.manifests[d.ID] == nil || j.flying != d.ID {
				j.t.Fatalf("%s, with the manifest there: %v, and %d under way", d, j.manifests[d.ID] != nil, j.flying)
			}
			j.commit = d.ID
		case Abort:
			if j.flying != d.ID || j.manifests[d.ID] != nil {
				j.t.Fatalf("%s, with the manifest there: %v, and %d under way", d, j.manifests[d.ID] != nil, j.flying)
			}
			j.flying = 0
		case Discard:
			j.discard(d)
		case FailJob:
			j.failed = true
		}
	}
	j.verify()
}

func (j *jobModel) inject(d Inject) {
	id := d.Barrier.ID
	if j.flying != 0 && j.flying != id {
		j.t.Fatalf("%s while %d is under way", d, j.flying)
	}
	if j.flying == 0 {
		j.flying = id
		j.kinds[id] = d.Barrier.Kind
		j.owed[id], j.acked[id] = map[Subtask]bool{}, map[Subtask]bool{}
		for s := range j.all {
			if !j.finished[s] {
				j.owed[id][s] = true
			}
		}
	}
	for _, s := range d.Into {
		if j.got[s] == id || j.finished[s] {
			j.t.Fatalf("%s, but %s has it, or has ended", d, s)
		}
		j.got[s] = id
	}
}

// complete checks that the manifest comes when all have answered, and that it
// names what they have.
func (j *jobModel) complete(m *Manifest) {
	for s := range j.all {
		if !j.acked[m.ID][s] && !j.finished[s] {
			j.t.Fatalf("manifest of %d without %s", m.ID, s)
		}
	}
	if j.flying != m.ID {
		j.t.Fatalf("manifest of %d while %d is under way", m.ID, j.flying)
	}
	j.writing, j.landed = m, false
}

func (j *jobModel) discard(d Discard) {
	for _, id := range d.Checkpoints {
		if j.manifests[id] == nil || j.kinds[id] == Savepoint {
			j.t.Fatalf("%s: no checkpoint %d is there", d, id)
		}
		delete(j.manifests, id)
	}
	for _, f := range d.Files {
		if j.discarded[f.Name]++; j.discarded[f.Name] > 1 {
			j.t.Fatalf("%s: %s was discarded before", d, f.Name)
		}
		if _, ok := j.store[f.Name]; !ok {
			j.t.Fatalf("%s: %s is not there", d, f.Name)
		}
		delete(j.store, f.Name)
	}
}

// verify holds the store against the manifests.
func (j *jobModel) verify() {
	retained := 0
	for id, m := range j.manifests {
		if m.Kind == Checkpoint {
			retained++
		}
		for _, f := range m.Files {
			if j.store[f.Name] != f {
				j.t.Fatalf("%s %d needs %s, which is gone", m.Kind, id, f.Name)
			}
		}
	}
	if over := j.flying; retained > j.cfg.Retain+1 || retained > j.cfg.Retain && over == 0 && !j.failed {
		j.t.Fatalf("%d checkpoints are kept, %d should be", retained, j.cfg.Retain)
	}
}

// acknowledge answers for a subtask, with new files and shared ones.
func (j *jobModel) acknowledge(t *rapid.T, id int64, s Subtask) {
	delete(j.owed[id], s)
	j.acked[id][s] = true
	var part Part
	for range rapid.IntRange(0, 2).Draw(t, "new files") {
		j.files++
		f := File{FileName(j.kinds[id], id, fmt.Sprint(j.files)), fileSize(int64(j.files)), id}
		j.store[f.Name] = f
		part.Files = append(part.Files, f)
	}
	if j.kinds[id] == Checkpoint && j.flying == id {
		for _, f := range j.live {
			if rapid.Bool().Draw(t, "share") {
				part.Files = append(part.Files, f)
			}
		}
	}
	j.obey(j.c.Acknowledge(j.now, Acknowledgement{Subtask: s, ID: id, Part: part, Metrics: Metrics{Bytes: 1}}))
}

// TestCoordinatorAnyOrder lets everybody answer in any order, late, or not at
// all, with writes and commits that fail, tasks that end, and requests at any
// time.
func TestCoordinatorAnyOrder(t *testing.T) { rapid.Check(t, coordinateAnyOrder) }

func coordinateAnyOrder(t *rapid.T) {
	d := func(label string) time.Duration { return time.Duration(rapid.IntRange(0, 5).Draw(t, label)) * 10 }
	j := &jobModel{t: t, now: epoch, store: map[string]File{}, manifests: map[int64]*Manifest{}, discarded: map[string]int{}, owed: map[int64]map[Subtask]bool{},
		acked: map[int64]map[Subtask]bool{}, got: map[Subtask]int64{}, finished: map[Subtask]bool{}, kinds: map[int64]Kind{}, committed: map[int64]bool{}}
	j.cfg = Config{Job: "random", KeyGroups: 8, Interval: d("interval"), MinPause: d("pause"), Timeout: d("timeout"), Tolerated: rapid.IntRange(-1, 3).Draw(t, "tolerated"),
		Retain: rapid.IntRange(1, 3).Draw(t, "retain"), History: 3}
	n := rapid.IntRange(1, 3).Draw(t, "subtasks")
	j.tasks = []Task{{Name: "read", Parallelism: rapid.IntRange(1, 3).Draw(t, "readers")}, {Name: "count", Parallelism: n, Inputs: []Input{{Task: "read"}}},
		{Name: "write", Parallelism: n, Inputs: []Input{{Task: "count", Forward: true}}}}
	registry, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	if j.c, err = NewCoordinator(j.cfg, j.tasks, registry, 1, epoch); err != nil {
		t.Fatal(err)
	}
	t.Repeat(map[string]func(*rapid.T){
		"": func(*rapid.T) { j.verify() },
		"time": func(t *rapid.T) {
			j.now = j.now.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "time")))
			j.obey(j.c.Tick(j.now))
			if at, ok := j.c.Due(); ok && !at.After(j.now) {
				t.Fatalf("it is %s, and a tick was due at %s", j.now, at)
			}
		},
		"trigger": func(t *rapid.T) { j.obey(j.c.Trigger(j.now, Kind(rapid.IntRange(0, 1).Draw(t, "kind")))) },
		"acknowledge": func(t *rapid.T) {
			if id, s, ok := j.pick(t); ok {
				j.acknowledge(t, id, s)
			}
		},
		"all acknowledge": func(t *rapid.T) {
			for id := j.flying; id != 0 && len(j.owed[id]) > 0; {
				j.acknowledge(t, id, slices.SortedFunc(maps.Keys(j.owed[id]), compareSubtasks)[0])
			}
		},
		"decline": func(t *rapid.T) {
			if rapid.IntRange(0, 3).Draw(t, "really") > 0 {
				return
			}
			if id, s, ok := j.pick(t); ok {
				delete(j.owed[id], s)
				j.obey(j.c.Decline(j.now, Decline{Subtask: s, ID: id, Reason: "drawn"}))
			}
		},
		"finish": func(t *rapid.T) {
			if rapid.IntRange(0, 5).Draw(t, "really") == 0 {
				j.finish(t)
			}
		},
		"written":   func(t *rapid.T) { j.answerManifest(t) },
		"withdrawn": func(t *rapid.T) { j.answerWithdraw(t) },
		"committed": func(t *rapid.T) { j.answerCommit(t) },
	})
}

// pick draws a checkpoint, under way or given up, and a subtask that owes an
// answer.
func (j *jobModel) pick(t *rapid.T) (int64, Subtask, bool) {
	var ids []int64
	for id, owed := range j.owed {
		if len(owed) > 0 {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return 0, Subtask{}, false
	}
	slices.Sort(ids)
	id := rapid.SampledFrom(ids).Draw(t, "checkpoint")
	owed := slices.SortedFunc(maps.Keys(j.owed[id]), compareSubtasks)
	return id, rapid.SampledFrom(owed).Draw(t, "subtask"), true
}

func compareSubtasks(a, b Subtask) int { return slices.Compare([]byte(a.String()), []byte(b.String())) }

// finish ends a subtask whose inputs have all ended. It owes nothing after it.
func (j *jobModel) finish(t *rapid.T) {
	var can []Subtask
	for s := range j.all {
		before := func(from Subtask) bool {
			return s.Task == "count" && from.Task == "read" || s.Task == "write" && from.Task == "count" && from.Index == s.Index
		}
		ready := !j.finished[s]
		for from := range j.all {
			ready = ready && (j.finished[from] || !before(from))
		}
		if ready {
			can = append(can, s)
		}
	}
	if len(can) == 0 {
		return
	}
	s := rapid.SampledFrom(can).Draw(t, "subtask")
	j.finished[s] = true
	for id := range j.owed {
		delete(j.owed[id], s)
	}
	j.obey(j.c.Finished(j.now, s, Part{}))
}

func (j *jobModel) answerManifest(t *rapid.T) {
	m := j.writing
	if m == nil {
		return
	}
	j.writing = nil
	var err error
	switch rapid.IntRange(0, 5).Draw(t, "manifest") {
	case 0:
		err = errors.New("not written")
	case 1:
		err = errors.New("written, but nobody knows")
		j.manifests[m.ID] = m
	default:
		j.manifests[m.ID] = m
	}
	out := j.c.ManifestWritten(j.now, m.ID, err)
	if err == nil && m.Kind == Checkpoint {
		j.live = m.Files
	}
	j.obey(out)
}

func (j *jobModel) answerWithdraw(t *rapid.T) {
	id := j.withdraw
	if id == 0 {
		return
	}
	j.withdraw = 0
	var err error
	if rapid.IntRange(0, 5).Draw(t, "withdrawn") == 0 {
		err = errors.New("nobody knows")
	} else {
		delete(j.manifests, id)
	}
	j.obey(j.c.Withdrawn(j.now, id, err))
	if err != nil && !j.failed {
		t.Fatal("the job goes on with a checkpoint of which nobody knows whether it exists")
	}
}

func (j *jobModel) answerCommit(t *rapid.T) {
	id := j.commit
	if id == 0 {
		return
	}
	j.commit, j.flying = 0, 0
	j.committed[id] = true
	var err error
	if rapid.IntRange(0, 20).Draw(t, "committed") == 0 {
		err = errors.New("the broker is gone")
	}
	j.obey(j.c.Committed(j.now, id, err))
}
