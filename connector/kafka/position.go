package kafka

import (
	"bytes"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/affluxdev/afflux/connector"
)

// position is where a reader stands in a partition. In a checkpoint it is text:
// the offset of the next record to read, for a bounded source followed by a
// slash and the offset to end before.
type position struct {
	next int64
	stop int64 // -1 for none
}

func (p position) append(b []byte) []byte {
	b = strconv.AppendInt(b, p.next, 10)
	if p.stop >= 0 {
		b = strconv.AppendInt(append(b, '/'), p.stop, 10)
	}
	return b
}

func parsePosition(b []byte) (position, bool) {
	next, stop, bounded := bytes.Cut(b, []byte("/"))
	p := position{stop: -1}
	var ok bool
	if p.next, ok = parseOffset(next); ok && bounded {
		p.stop, ok = parseOffset(stop)
	}
	return p, ok
}

func parseOffset(b []byte) (int64, bool) {
	n, err := strconv.ParseUint(string(b), 10, 63)
	return int64(n), err == nil
}

func (p place) String() string { return p.topic + "/" + strconv.Itoa(int(p.number)) }

// parsePlace reads a split's ID; no topic has a slash in its name.
func parsePlace(id string) (place, bool) {
	topic, number, ok := strings.Cut(id, "/")
	n, err := strconv.ParseUint(number, 10, 31)
	return place{topic, int32(n)}, ok && topic != "" && err == nil
}

// parseSplits reads what Positions of all readers have returned.
func parseSplits(splits []connector.Split) (map[place]position, error) {
	found := make(map[place]position, len(splits))
	for _, s := range splits {
		at, ok := parsePlace(s.ID)
		p, sound := parsePosition(s.Position)
		if !ok || !sound {
			return nil, fmt.Errorf("kafka: the checkpoint has the place %.60q in %.60q, which is not one of a topic's partition: it is damaged, or was taken of another source", s.Position, s.ID)
		}
		if _, twice := found[at]; twice {
			return nil, fmt.Errorf("kafka: the checkpoint has the place in %s twice: it is damaged", at)
		}
		found[at] = p
	}
	return found, nil
}

// takeUp notes where partitions are resumed. Nothing is noted when the job starts
// afresh.
func (r *reader[T]) takeUp() error {
	if r.sub.Resume == nil {
		return nil
	}
	found, err := parseSplits(r.sub.Resume.Splits)
	if err != nil {
		return err
	}
	left := map[string]bool{}
	for at := range found {
		count, read := r.counts[at.topic]
		switch {
		case !read:
			left[at.topic] = true
		case int(at.number) >= count:
			return fmt.Errorf("kafka: the checkpoint has a place in %s, but topic %q has %d partitions now: it was deleted and made anew since; start the job without the checkpoint, or read another topic", at, at.topic, count)
		}
	}
	for topic := range left {
		r.sub.Log.Warn("the checkpoint has a place in a topic that is not read any more", "topic", topic)
	}
	r.resume = found
	return nil
}

// Positions implements connector.Positioned: the offset of the next record of
// each partition.
func (r *reader[T]) Positions() ([]connector.Split, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	splits := make([]connector.Split, 0, len(r.partitions))
	for at, p := range r.partitions {
		here := position{p.next, p.stop}
		if p.next < 0 { // the group gave it to us, and no record came yet
			var known bool
			if here, known = r.resume[at]; !known {
				continue
			}
		}
		splits = append(splits, connector.Split{ID: at.String(), Position: here.append(nil)})
	}
	return splits, nil
}

// offsetsOf returns the offsets of a checkpoint, of partitions that are still
// ours; those of now if at is nil.
func (r *reader[T]) offsetsOf(at []connector.Split) (map[place]int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := map[place]int64{}
	if at == nil {
		for at, p := range r.partitions {
			if p.next >= 0 {
				m[at] = p.next
			}
		}
		return m, nil
	}
	found, err := parseSplits(at)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(found, func(at place, _ position) bool { return r.partitions[at] == nil })
	for at, p := range found {
		m[at] = p.next
	}
	return m, nil
}
