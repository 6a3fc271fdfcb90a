package afflux

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/job"
)

// StartFrom says what a job with checkpoints starts from: "latest", the default,
// is its last checkpoint or savepoint if there is one; "none" starts afresh;
// anything else is a path: of a savepoint or checkpoint, as in
// "dir/savepoint-0000000012", or of a directory of checkpoints, of which the
// newest is taken. The last element alone will do for one of the job's own. State
// that no operator of the job takes up is an error, unless allowUnclaimed is set:
// then it is lost.
func StartFrom(from string, allowUnclaimed bool) JobOption {
	return jobOption(func(j *Job) {
		c := j.startOptions(from, allowUnclaimed)
		if c == nil {
			return
		}
		switch from {
		case "", "latest":
		case "none":
			c.Fresh = true
		default:
			origin, err := j.originAt(from)
			if err != nil {
				j.fail(fmt.Errorf("start from %s: %w", from, err))
				return
			}
			c.From = origin
		}
	})
}

// StartFromStore is StartFrom for a savepoint or checkpoint in another store, by
// its name, as in "savepoint-0000000012"; "" is the newest.
func StartFromStore(store CheckpointStore, name string, allowUnclaimed bool) JobOption {
	return jobOption(func(j *Job) {
		c := j.startOptions(name, allowUnclaimed)
		if c == nil {
			return
		}
		o := &job.Origin{Store: store}
		if name != "" {
			var ok bool
			if o.Kind, o.ID, ok = snapshotName(name); !ok {
				j.fail(fmt.Errorf("StartFromStore(%q): that is no name of a checkpoint; write savepoint-0000000012", name))
				return
			}
		}
		c.From = o
	})
}

func (j *Job) startOptions(from string, allowUnclaimed bool) *job.Checkpointing {
	c := j.cfg.Checkpoints
	if c == nil {
		j.fail(fmt.Errorf("start from %q: the job takes no checkpoints: use Checkpoints first", from))
		return nil
	}
	c.AllowUnclaimed = allowUnclaimed
	return c
}

// snapshotName takes a name like savepoint-0000000012 apart.
func snapshotName(name string) (kind checkpoint.Kind, id int64, ok bool) {
	for _, kind := range []checkpoint.Kind{checkpoint.Checkpoint, checkpoint.Savepoint} {
		if digits, is := strings.CutPrefix(name, kind.String()+"-"); is {
			if id, err := strconv.ParseInt(digits, 10, 64); err == nil && id > 0 {
				return kind, id, true
			}
		}
	}
	return 0, 0, false
}

// originAt finds the checkpoint that a path names.
func (j *Job) originAt(from string) (*job.Origin, error) {
	if strings.Contains(from, "://") {
		return j.ownOrigin(from)
	}
	dir := filepath.Clean(from)
	_, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) && filepath.Base(dir) == dir {
		if kind, id, ok := snapshotName(dir); ok {
			return &job.Origin{Store: j.cfg.Checkpoints.Store, Kind: kind, ID: id}, nil
		}
	}
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	o := &job.Origin{}
	if kind, id, ok := snapshotName(filepath.Base(dir)); ok {
		o.Kind, o.ID, dir = kind, id, filepath.Dir(dir)
	}
	d, err := checkpoint.OpenDirectory(dir)
	o.Store = d
	return o, err
}

// ownOrigin is one in the bucket where the job's checkpoints are.
func (j *Job) ownOrigin(from string) (*job.Origin, error) {
	o := &job.Origin{Store: j.cfg.Checkpoints.Store}
	dir := strings.TrimSuffix(from, "/")
	if kind, id, ok := snapshotName(path.Base(dir)); ok {
		o.Kind, o.ID, dir = kind, id, strings.TrimSuffix(dir, "/"+path.Base(dir))
	}
	if dir != strings.TrimSuffix(j.place, "/") {
		return nil, fmt.Errorf("the checkpoints of the job are in %q: open that other bucket, and use StartFromStore", j.place)
	}
	return o, nil
}
