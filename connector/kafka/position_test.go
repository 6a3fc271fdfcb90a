package kafka_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/kafka"
	"github.com/affluxdev/afflux/event"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// resumeAt is a checkpoint with these places: split, position, split, position ...
func resumeAt(pairs ...string) *connector.Resume {
	at := &connector.Resume{}
	for i := 0; i < len(pairs); i += 2 {
		at.Splits = append(at.Splits, connector.Split{ID: pairs[i], Position: []byte(pairs[i+1])})
	}
	return at
}

func openResumed[T any](tb testing.TB, src connector.Source[T], at *connector.Resume) (*reading[T], error) {
	h := &reading[T]{engine: &engine{}, tb: tb, limit: connector.Limit{Records: 512, Bytes: 64 << 10}}
	sub := h.subtask(0, 1)
	sub.Resume = at
	var err error
	h.r, err = src.Open(within(tb), sub)
	return h, err
}

// drain reads a bounded source from a checkpoint.
func drain(tb testing.TB, src connector.Source[number], at *connector.Resume) []int {
	tb.Helper()
	h, err := openResumed(tb, src, at)
	if err != nil {
		tb.Fatal(err)
	}
	defer h.close()
	var got []int
	if err := h.until(func(v *number, _ event.Time) bool { got = append(got, v.N); return false }); err != nil {
		tb.Fatal(err)
	}
	slices.Sort(got)
	return got
}

func positionsOf[T any](tb testing.TB, h *reading[T]) []string {
	tb.Helper()
	splits, err := h.r.(connector.Positioned).Positions()
	if err != nil {
		tb.Fatal(err)
	}
	var got []string
	for _, s := range splits {
		got = append(got, s.ID+" "+string(s.Position))
	}
	slices.Sort(got)
	return got
}

func TestResume(t *testing.T) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 2)
	send(t, addr, numbers(topic, 0, 20, 2))
	src := func(options ...kafka.SourceOption) connector.Source[number] {
		return kafka.Source[number](topic, append(options, kafka.Brokers(addr), kafka.UntilLatest(), fast)...)
	}
	for _, m := range []struct {
		name    string
		at      *connector.Resume
		options []kafka.SourceOption
		want    []int
	}{
		{"both partitions", resumeAt(topic+"/0", "9", topic+"/1", "8"), nil, []int{17, 18, 19}},
		{"a new partition from its beginning, whatever the start", resumeAt(topic+"/0", "10"), []kafka.SourceOption{kafka.StartLatest()}, []int{1, 3, 5, 7, 9, 11, 13, 15, 17, 19}},
		{"the end of the first start", resumeAt(topic+"/0", "8/9", topic+"/1", "7/7"), nil, []int{16}},
		{"a topic that is not read any more", resumeAt(topic+"/0", "10", topic+"/1", "9", "gone/0", "4"), nil, []int{19}},
		{"out of the log, by policy", resumeAt(topic+"/0", "10", topic+"/1", "99"), []kafka.SourceOption{kafka.OnOutOfRange(kafka.Latest)}, nil},
		{"an end out of the log, by policy", resumeAt(topic+"/0", "10", topic+"/1", "9/99"), []kafka.SourceOption{kafka.OnOutOfRange(kafka.Latest)}, []int{19}},
	} {
		if got := drain(t, src(m.options...), m.at); !slices.Equal(got, m.want) {
			t.Errorf("%s: read %v, want %v", m.name, got, m.want)
		}
	}
	for _, m := range []struct {
		name string
		at   *connector.Resume
		want string
	}{
		{"out of the log", resumeAt(topic+"/0", "99"), "start at offset 99, but the log holds 0 to 10"},
		{"an end out of the log", resumeAt(topic+"/0", "9/99"), "up to offset 99, but the log ends at 10"},
		{"a partition that is gone", resumeAt(topic+"/7", "1"), "has 2 partitions now"},
		{"no position", resumeAt(topic+"/0", ""), "damaged"},
		{"a negative position", resumeAt(topic+"/0", "-1"), "damaged"},
		{"no end", resumeAt(topic+"/0", "1/"), "damaged"},
		{"no partition", resumeAt(topic, "1"), "damaged"},
		{"a place twice", resumeAt(topic+"/0", "1", topic+"/0", "2"), "twice"},
	} {
		if h, err := openResumed(t, src(), m.at); err == nil {
			h.close()
			t.Errorf("%s was taken up", m.name)
		} else if !strings.Contains(err.Error(), m.want) {
			t.Errorf("%s: %v, which does not say %q", m.name, err, m.want)
		}
	}
}

func TestPositionsOfBoundedSourceKeepItsEnd(t *testing.T) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 1)
	send(t, addr, numbers(topic, 0, 5, 1))
	src := kafka.Source[number](topic, kafka.Brokers(addr), kafka.UntilLatest(), fast)
	h := openReader(t, src, 0, 1)
	if got := positionsOf(t, h); !slices.Equal(got, []string{topic + "/0 0/5"}) {
		t.Errorf("before the first poll: %q", got)
	}
	h.limit.Records = 2
	h.until(func(*number, event.Time) bool { return true })
	if got := positionsOf(t, h); !slices.Equal(got, []string{topic + "/0 2/5"}) {
		t.Errorf("after two records: %q", got)
	}
	splits, err := h.r.(connector.Positioned).Positions()
	if err != nil {
		t.Fatal(err)
	}
	h.close()
	send(t, addr, numbers(topic, 5, 5, 1))
	if got := drain(t, src, &connector.Resume{Splits: splits}); !slices.Equal(got, []int{2, 3, 4}) {
		t.Errorf("resumed, the source read %v", got)
	}
}

// A checkpoint commits its own offsets, not those that were read since.
func TestCommitOfCheckpoint(t *testing.T) {
	c, addr := cluster(t)
	for _, balanced := range []bool{false, true} {
		topic := newTopic(t, c, 1)
		send(t, addr, numbers(topic, 0, 10, 1))
		options := []kafka.SourceOption{kafka.Brokers(addr), fast, kafka.Group("g-" + topic)}
		if balanced {
			options = append(options, kafka.Balanced())
		}
		h := openReader(t, kafka.Source[number](topic, options...), 0, 1)
		h.limit.Records = 4
		h.until(func(*number, event.Time) bool { return true })
		splits, err := h.r.(connector.Positioned).Positions()
		if err != nil {
			t.Fatal(err)
		}
		h.until(func(*number, event.Time) bool { return true })
		if err := h.r.(connector.Committer).Commit(within(t), splits); err != nil {
			t.Fatal(err)
		}
		if got := committedIn(t, addr, "g-"+topic, topic); got != 4 {
			t.Errorf("balanced %v: the group has %d, the checkpoint was at 4", balanced, got)
		}
		h.close()
	}
}

func committedIn(tb testing.TB, addr, group, topic string) int64 {
	tb.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DisableClientMetrics())
	if err != nil {
		tb.Fatal(err)
	}
	defer cl.Close()
	at, err := kadm.NewClient(cl).FetchOffsets(within(tb), group)
	if err != nil {
		tb.Fatal(err)
	}
	o, _ := at.Lookup(topic, 0)
	return o.At
}

// The checkpoint goes before what a balanced group has committed, be that more
// or less.
func TestBalancedResumes(t *testing.T) {
	c, addr := cluster(t)
	for _, committed := range []int64{2, 9} {
		topic := newTopic(t, c, 1)
		send(t, addr, numbers(topic, 0, 10, 1))
		cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DisableClientMetrics())
		if err != nil {
			t.Fatal(err)
		}
		var at kadm.Offsets
		at.AddOffset(topic, 0, committed, -1)
		err = kadm.NewClient(cl).CommitAllOffsets(context.Background(), "g-"+topic, at)
		cl.Close()
		if err != nil {
			t.Fatal(err)
		}
		h, err := openResumed(t, kafka.Source[number](topic, kafka.Brokers(addr), fast, kafka.Group("g-"+topic), kafka.Balanced()), resumeAt(topic+"/0", "5"))
		if err != nil {
			t.Fatal(err)
		}
		first := -1
		h.until(func(v *number, _ event.Time) bool {
			if first < 0 {
				first = v.N
			}
			return true
		})
		if first != 5 {
			t.Errorf("with %d committed, reading went on at %d, the checkpoint says 5", committed, first)
		}
		h.close()
	}
}
