package generator

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/affluxdev/afflux/connector"
)

// notStarted stands for the beginning of a schedule that nobody has polled.
const notStarted = math.MinInt64

// Positions implements connector.Positioned: the beginning of the schedule, in
// Unix nanoseconds, and the place in the sequence of records.
func (r *reader[T]) Positions() ([]connector.Split, error) {
	start := int64(notStarted)
	if r.started {
		start = r.start.UnixNano()
	}
	b := binary.BigEndian.AppendUint64(nil, uint64(start))
	return []connector.Split{{ID: r.place.ID(), Position: r.place.AppendPosition(b, nil)}}, nil
}

// resume finds the place to begin at. At another parallelism than before the
// schedule is that of the reader that began first.
func (r *reader[T]) resume() (err error) {
	var positions [][]byte
	start := int64(notStarted)
	if r.sub.Resume != nil {
		for _, split := range r.sub.Resume.Splits {
			b := split.Position
			if len(b) < 8 {
				return errors.New("the place of a reader in the checkpoint is damaged: it is too short")
			}
			positions = append(positions, b[8:])
			began := int64(binary.BigEndian.Uint64(b))
			if began != notStarted && (start == notStarted || began < start) {
				start = began
			}
		}
		for _, split := range r.sub.Resume.Splits { // its own, if it had the same number
			place := connector.NewSequence(r.sub.Index, r.sub.Parallelism)
			if began := int64(binary.BigEndian.Uint64(split.Position)); split.ID == place.ID() && began != notStarted {
				start = began
			}
		}
	}
	r.place, _, err = connector.ResumeSequence(r.sub.Index, r.sub.Parallelism, positions)
	if err != nil {
		return err
	}
	r.done.Store(r.place.Passed())
	if start != notStarted {
		r.begin(time.Unix(0, start))
	}
	return nil
}
