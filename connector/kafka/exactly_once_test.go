package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/kafka"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// exactly is an exactly-once sink with transactional ids of its own.
func exactly(n node, topic string, options ...kafka.SinkOption) connector.Sink[number] {
	return kafka.Sink[number](topic, append(options, kafka.Brokers(n.addr), fast, kafka.ExactlyOnce(), kafka.TransactionalPrefix("test-"+topic))...)
}

// openExactly opens the only subtask in a job with checkpoints.
func openExactly(tb testing.TB, sink connector.Sink[number]) (*writing, error) {
	tb.Helper()
	w := &writing{engine: &engine{}, tb: tb}
	sub := w.subtask(0, 1)
	sub.Job, sub.Checkpoints = "job", true
	var err error
	w.w, err = sink.Open(within(tb), sub)
	return w, err
}

func mustOpen(tb testing.TB, sink connector.Sink[number]) *writing {
	tb.Helper()
	w, err := openExactly(tb, sink)
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

// prepare returns the handle of what was written.
func (w *writing) prepare() []byte {
	w.tb.Helper()
	p, err := w.w.(connector.Preparer).Prepare()
	if err != nil {
		w.tb.Fatal(err)
	}
	if p.Durable != nil {
		if err := p.Durable(within(w.tb)); err != nil {
			w.tb.Fatal(err)
		}
	}
	return p.Handle
}

func (w *writing) commit(handles ...[]byte) error {
	return w.w.(connector.Preparer).Commit(within(w.tb), handles)
}

func recoverWith(tb testing.TB, sink connector.Sink[number], handles ...[]byte) error {
	tb.Helper()
	return sink.(connector.Recoverer).Recover(within(tb), connector.Recovery{
		Job: "job", Operator: "test", Prepared: handles, Parallelism: 1, Next: 1})
}

// expect checks which numbers of a topic are committed.
func (n node) expect(tb testing.TB, topic, when string, want ...int) {
	tb.Helper()
	var got []int
	for _, text := range n.committed(tb, topic) {
		v, err := strconv.Atoi(strings.Trim(text, `{"n:}`))
		if err != nil {
			tb.Fatal(err)
		}
		got = append(got, v)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		tb.Errorf("%s: %v are committed, want %v", when, got, want)
	}
}

// state waits until the transaction of an id is in a state.
func (n node) state(tb testing.TB, id, want string) {
	tb.Helper()
	cl := n.client(tb)
	defer cl.Close()
	ctx := within(tb)
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
		list, err := kadm.NewClient(cl).ListTransactions(ctx, nil, nil)
		if err != nil {
			tb.Fatalf("%v; %s is %s, want %s", err, id, list[id].State, want)
		}
		if list[id].State == want {
			tick.Stop()
			return
		}
	}
}

func says(tb testing.TB, err error, words ...string) {
	tb.Helper()
	if err == nil {
		tb.Errorf("no error, want one with %q", words)
		return
	}
	for _, want := range words {
		if !strings.Contains(err.Error(), want) {
			tb.Errorf("%v\ndoes not say %q", err, want)
		}
	}
}

func TestExpiredTransactionIsNamed(t *testing.T) {
	onBoth(t, func(t *testing.T, n node) {
		topic := n.topic(t, 1)
		sink := exactly(n, topic, kafka.TransactionTimeout(time.Second))
		w := mustOpen(t, sink)
		w.write(0, 3)
		handle := w.prepare()
		id := "test-" + topic + "-test-0-0"
		if n.real != nil {
			n.state(t, id, "CompleteAbort")
		} else {
			n.state(t, id, "Empty")
		}
		says(t, w.commit(handle), id, "rolled back", "lost", "kafka.TransactionTimeout", "kafka.AcceptLoss")
		w.close()
		for range 2 {
			says(t, recoverWith(t, sink, handle), id, "rolled back", "lost", "kafka.TransactionTimeout", "kafka.AcceptLoss")
		}
		if err := recoverWith(t, exactly(n, topic, kafka.AcceptLoss()), handle); err != nil {
			t.Error(err)
		}
		n.expect(t, topic, "in the end")
	})
}

// A handle may be recovered from long after its producer went on: from an older
// checkpoint, or again and again.
func TestOldHandlesAreKnownToBeCommitted(t *testing.T) {
	onBoth(t, func(t *testing.T, n node) {
		topic := n.topic(t, 2)
		sink := exactly(n, topic)
		w := mustOpen(t, sink)
		var handles [][]byte
		names := map[string]bool{}
		for i := range 7 {
			w.write(i, 1)
			h := w.prepare()
			handles = append(handles, h)
			if err := w.commit(h); err != nil {
				t.Fatal(err)
			}
			name := string(h[1:11]) + string(h[26:]) // producer, epoch, topic and id
			if names[name] {
				t.Errorf("two transactions have the handle %q", h)
			}
			names[name] = true
		}
		w.write(100, 1) // open when the attempt ends, with the id of an old handle
		w.prepare()
		for range 2 {
			for i, h := range handles {
				if err := recoverWith(t, sink, h); err != nil {
					t.Errorf("handle %d: %v", i, err)
				}
			}
		}
		n.expect(t, topic, "after recoveries from all checkpoints", 0, 1, 2, 3, 4, 5, 6)
		_ = w.w.Close()

		// The coordinator has forgotten the id; the topic has not.
		unknown := slices.Clone(handles[3])
		unknown[len(unknown)-1] = 'x'
		if err := recoverWith(t, sink, unknown); err != nil {
			t.Error(err)
		}
		cl := n.client(t)
		defer cl.Close()
		ends, err := kadm.NewClient(cl).ListEndOffsets(within(t), topic)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := kadm.NewClient(cl).DeleteRecords(within(t), ends.Offsets()); err != nil {
			t.Fatal(err)
		}
		if err := recoverWith(t, sink, handles...); err != nil {
			t.Errorf("after the retention has removed the records: %v", err)
		}
	})
}

func TestHandleWithoutRecordCannotBeJudged(t *testing.T) {
	onBoth(t, func(t *testing.T, n node) {
		topic := n.topic(t, 1)
		sink := exactly(n, topic)
		w := mustOpen(t, sink)
		w.write(0, 3)
		handle := slices.Clone(w.prepare())
		defer w.w.Close()
		handle[10]++ // the epoch
		clear(handle[11:24])
		says(t, recoverWith(t, sink, handle), "cannot be told", "kafka.AcceptLoss")
	})
}

func TestZombieIsFenced(t *testing.T) {
	onBoth(t, func(t *testing.T, n node) {
		topic := n.topic(t, 1)
		sink := exactly(n, topic)
		old := mustOpen(t, sink)
		old.write(0, 2)
		handle := old.prepare()
		old.write(2, 2)
		if err := old.w.Flush(within(t)); err != nil {
			t.Fatal(err)
		}
		if err := recoverWith(t, sink, handle); err != nil {
			t.Fatal(err)
		}
		var err error
		if _, err = old.w.Write(old.batch(4, 2), 0); err == nil {
			err = old.w.Flush(within(t))
		}
		says(t, err, "ended by others", "another attempt of this job")
		if _, err := old.w.(connector.Preparer).Prepare(); err == nil {
			t.Error("a fenced writer prepares")
		}
		_ = old.w.Close()
		n.expect(t, topic, "after the zombie", 0, 1)
	})
}

// While checkpoints do not complete, the sink presses; it goes on when one does.
func TestPressesWhenAllTransactionsAreOpen(t *testing.T) {
	onBoth(t, func(t *testing.T, n node) {
		topic := n.topic(t, 1)
		sink := exactly(n, topic, kafka.MaxTransactions(2))
		w := mustOpen(t, sink)
		defer w.close()
		var handles [][]byte
		for i := range 2 {
			w.write(i, 1)
			handles = append(handles, w.prepare())
		}
		for range 20 {
			if took, err := w.w.Write(w.batch(2, 1), 0); took != 0 || err != nil {
				t.Fatalf("took %d records with all transactions open: %v", took, err)
			}
		}
		select {
		case <-w.wakes:
			t.Error("woken although no transaction ended")
		default:
		}
		if err := w.commit(handles[0]); err != nil {
			t.Fatal(err)
		}
		<-w.wakes
		w.write(2, 1)
		if err := w.commit(handles[1], w.prepare()); err != nil {
			t.Fatal(err)
		}
		n.expect(t, topic, "in the end", 0, 1, 2)
	})
}

// With a real broker, restarts and kills at every moment of a commit.
func TestExactlyOnceThroughRestarts(t *testing.T) {
	n := realNode(t)
	for _, hit := range []struct {
		name string
		f    func(context.Context) error
	}{
		{"restart", n.real.Restart},
		{"kill", func(ctx context.Context) error { return errors.Join(n.real.Kill(), n.real.Restart(ctx)) }},
	} {
		t.Run(hit.name, func(t *testing.T) {
			topic := n.topic(t, 2)
			sink := exactly(n, topic)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
			defer cancel()
			w := mustOpen(t, sink)
			w.write(0, 10)
			first := w.prepare()
			w.write(10, 10)
			if err := hit.f(ctx); err != nil { // between Prepare and Commit
				t.Fatal(err)
			}
			if err := w.w.(connector.Preparer).Commit(ctx, [][]byte{first}); err != nil {
				t.Fatal(err)
			}
			second := w.prepare()
			if err := w.w.(connector.Preparer).Commit(ctx, [][]byte{second}); err != nil {
				t.Fatal(err)
			}
			w.write(20, 10)
			third := w.prepare()
			w.write(30, 10)
			if err := w.w.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			// The job dies, and the broker as well.
			if err := hit.f(ctx); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := recoverWith(t, sink, third); err != nil {
					t.Fatal(err)
				}
			}
			_ = w.w.Close()
			n.expect(t, topic, "in the end", span(0, 30)...)
			src := kafka.Source[number](topic, kafka.Brokers(n.addr), kafka.UntilLatest(), fast)
			if got := drain(t, src, nil); !slices.Equal(got, span(0, 30)) {
				t.Errorf("a source of committed records reads %v", got)
			}
		})
	}
}

// Commit does not depend on the connection of the producer: a request that gets
// no answer is repeated by another client until it is known what became of it.
func TestCommitWhoseAnswerIsLost(t *testing.T) {
	n := realNode(t)
	topic := n.topic(t, 1)
	w := mustOpen(t, exactly(n, topic))
	defer w.close()
	w.write(0, 5)
	handle := w.prepare()
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	if err := n.real.Pause(); err != nil {
		t.Fatal(err)
	}
	err := w.w.(connector.Preparer).Commit(short, [][]byte{handle})
	cancel()
	if err := n.real.Resume(); err != nil {
		t.Fatal(err)
	}
	if err == nil {
		t.Error("a paused broker committed")
	}
	if err := w.commit(handle); err != nil {
		t.Fatal(err)
	}
	n.expect(t, topic, "after the second Commit", 0, 1, 2, 3, 4)
	w.write(5, 2)
	if err := w.commit(w.prepare()); err != nil {
		t.Fatal(err)
	}
	n.expect(t, topic, "in the end", span(0, 7)...)
}

// A handle whose own Durable was given up is completed by the next one, or by
// the next Prepare, and does not change after that.
func TestHandlesNameARecord(t *testing.T) {
	onBoth(t, func(t *testing.T, n node) {
		topic := n.topic(t, 1)
		w := mustOpen(t, exactly(n, topic))
		defer w.close()
		var handles [][]byte
		for i := range 4 {
			w.write(i, 1)
			p, err := w.w.(connector.Preparer).Prepare() // most often ahead of the acknowledgement
			if err != nil {
				t.Fatal(err)
			}
			handles = append(handles, p.Handle)
			if i == 3 {
				if err := p.Durable(within(t)); err != nil {
					t.Fatal(err)
				}
			}
		}
		named := map[byte]bool{} // producers do not wait for each other: any order will do
		for i, h := range handles {
			if h[11] != 1 || named[h[23]] {
				t.Errorf("handle %d does not name its record: %q", i, h)
			}
			named[h[23]] = true
		}
		kept := slices.Clone(handles[0])
		if err := w.commit(handles...); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(kept, handles[0]) {
			t.Error("a handle changed after Durable")
		}
		n.expect(t, topic, "in the end", span(0, 4)...)
	})
}

// A commit that comes as soon as the only record is acknowledged commits it.
func TestManyShortTransactions(t *testing.T) {
	onBoth(t, func(t *testing.T, n node) {
		topic := n.topic(t, 1)
		w := mustOpen(t, exactly(n, topic))
		defer w.close()
		for i := range 100 {
			w.write(i, 1)
			if err := w.commit(w.prepare()); err != nil {
				t.Fatal(err)
			}
		}
		n.expect(t, topic, "in the end", span(0, 100)...)
	})
}

// The option may be dropped: what the last run has prepared is committed.
func TestRecoversWithoutTheOption(t *testing.T) {
	onBoth(t, func(t *testing.T, n node) {
		topic := n.topic(t, 1)
		w := mustOpen(t, exactly(n, topic))
		w.write(0, 3)
		handle := w.prepare()
		w.close()
		plain := kafka.Sink[number](topic, kafka.Brokers(n.addr), fast)
		for range 2 {
			if err := recoverWith(t, plain, handle); err != nil {
				t.Fatal(err)
			}
		}
		n.expect(t, topic, "in the end", 0, 1, 2)
	})
}

func TestTransactionTimeoutIsChecked(t *testing.T) {
	onBoth(t, func(t *testing.T, n node) {
		topic := n.topic(t, 1)
		sink := exactly(n, topic, kafka.TransactionTimeout(time.Hour))
		_, err := openExactly(t, sink)
		says(t, err, "kafka.TransactionTimeout is 1h0m0s", "allow 15m0s", "transaction.max.timeout.ms")
		says(t, recoverWith(t, sink), "kafka.TransactionTimeout is 1h0m0s", "allow 15m0s")
	})
}

func TestExactlyOnceRefusals(t *testing.T) {
	_, addr := cluster(t)
	for want, options := range map[string][]kafka.SinkOption{
		"does not go with kafka.WithoutIdempotence": {kafka.WithoutIdempotence()},
		"needs kafka.AckAll":                        {kafka.Acks(kafka.AckLeader)},
		"TransactionalPrefix is empty":              {kafka.TransactionalPrefix("")},
		"MaxTransactions of 1":                      {kafka.MaxTransactions(1)},
	} {
		sink := kafka.Sink[number]("t", append(options, kafka.Brokers(addr), kafka.ExactlyOnce())...)
		_, err := openExactly(t, sink)
		says(t, err, want)
		says(t, recoverWith(t, sink), want)
	}
	sink := kafka.Sink[number]("t", kafka.Brokers(addr), kafka.ExactlyOnce())
	for _, damaged := range []string{"", "x", strings.Repeat("\xff", 60), strings.Repeat("\x01", 25)} {
		says(t, recoverWith(t, sink, []byte(damaged)), "damaged")
	}
}

// Prepare of a plain sink does not wait; Durable returns when what was written
// before is acknowledged, not later.
func TestPlainSinkPrepares(t *testing.T) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 1)
	gate := make(chan struct{})
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.SleepControl(func() { <-gate })
		return nil, nil, false
	})
	w := mustOpen(t, kafka.Sink[number](topic, kafka.Brokers(addr), fast, kafka.Linger(time.Minute)))
	defer w.close()
	w.write(0, 5)
	p, err := w.w.(connector.Preparer).Prepare()
	if err != nil || p.Handle != nil {
		t.Fatalf("handle %q: %v", p.Handle, err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	if err := p.Durable(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Durable returned before the broker has answered: %v", err)
	}
	cancel()
	w.write(5, 5) // the writer goes on
	close(gate)
	if err := p.Durable(within(t)); err != nil {
		t.Error(err)
	}
	if got := fetchAll(t, addr, topic); len(got) < 5 {
		t.Errorf("Durable has returned and %d of 5 records are there", len(got))
	}
	if h := w.prepare(); h != nil {
		t.Errorf("handle %q", h)
	}
	if got := fetchAll(t, addr, topic); len(got) != 10 {
		t.Errorf("%d of 10 records are there", len(got))
	}
}

// What a crash in the middle leaves open does not hide the next attempt's
// records for long.
func TestLeftoversDoNotHideWhatFollows(t *testing.T) {
	onBoth(t, func(t *testing.T, n node) {
		topic := n.topic(t, 1)
		sink := exactly(n, topic)
		lost := mustOpen(t, sink)
		lost.write(90, 5)
		if err := lost.w.Flush(within(t)); err != nil {
			t.Fatal(err)
		}
		if err := recoverWith(t, sink); err != nil {
			t.Fatal(err)
		}
		w := mustOpen(t, sink)
		w.write(0, 5)
		if err := w.commit(w.prepare()); err != nil {
			t.Fatal(err)
		}
		n.state(t, fmt.Sprintf("test-%s-test-0-0", topic), map[bool]string{true: "CompleteCommit", false: "Empty"}[n.real != nil])
		src := kafka.Source[number](topic, kafka.Brokers(n.addr), kafka.UntilLatest(), fast)
		if got := drain(t, src, nil); !slices.Equal(got, span(0, 5)) {
			t.Errorf("a source of committed records reads %v", got)
		}
		w.close()
		_ = lost.w.Close()
	})
}
