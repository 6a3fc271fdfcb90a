package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// producers are the transactional producers of one subtask: one writes, others
// wait until their transaction is committed, and at most one is ready ahead of
// time. Each has a transactional id of its own, since a producer has one
// transaction at a time.
type producers struct {
	config *sinkConfig
	opts   []kgo.Opt
	prefix string // of the transactional ids
	admin  *kgo.Client
	log    *slog.Logger
	ready  func()      // a producer became free
	broken func(error) // there will be no more

	ctx  context.Context // ends with close
	stop context.CancelFunc
	busy sync.WaitGroup // goroutines that make producers

	committing sync.Mutex // held while a transaction is committed

	mu      sync.Mutex
	free    []*producer
	waiting map[transaction]*producer // prepared; the place is not part of the key
	made    int                       // producers with a number, including those that are being made
	making  int
}

// producer is a client with one transactional id.
type producer struct {
	id    string
	cl    *kgo.Client
	pid   int64
	epoch int16 // of its next or open transaction
}

var errOtherProducer = errors.New("the producer changed its identity in the middle of a transaction")

func (t transaction) key() transaction {
	return transaction{id: t.id, producer: t.producer, epoch: t.epoch}
}

// transactionalPrefix is what the transactional ids of an operator begin with.
// Two numbers come after it, of the subtask and of the producer.
func (c *sinkConfig) transactionalPrefix(job, operator string) string {
	prefix := c.transactional
	if prefix == "" {
		prefix = "afflux-" + job
	}
	return prefix + "-" + operator + "-"
}

// newProducers returns the producers of a subtask, the first of which is ready.
// It takes over admin if it returns no error.
func newProducers(ctx context.Context, c *sinkConfig, opts []kgo.Opt, prefix string, admin *kgo.Client, log *slog.Logger) (*producers, error) {
	ps := &producers{config: c, prefix: prefix, admin: admin, log: log, waiting: map[transaction]*producer{}, made: 1}
	ps.opts = append(opts, kgo.TransactionTimeout(c.transactionTimeout))
	ps.ctx, ps.stop = context.WithCancel(context.Background())
	ctx, cancel := context.WithTimeout(ctx, c.connect)
	defer cancel()
	var p *producer
	err := insist(ctx, func() (err error) {
		p, err = ps.make(ctx, prefix+"0")
		return err
	})
	if err != nil {
		ps.stop()
		return nil, c.explainProducer(prefix+"0", err)
	}
	ps.free = append(ps.free, p)
	return ps, nil
}

func (ps *producers) make(ctx context.Context, id string) (*producer, error) {
	p := &producer{id: id}
	var err error
	if p.cl, err = kgo.NewClient(append(slices.Clip(ps.opts), kgo.TransactionalID(id))...); err != nil {
		return nil, err
	}
	if p.pid, p.epoch, err = p.cl.ProducerID(ctx); err != nil {
		p.cl.Close()
		return nil, err
	}
	return p, nil
}

// explainProducer says why there is no transactional producer.
func (c *sinkConfig) explainProducer(id string, err error) error {
	switch {
	case errors.Is(err, kerr.InvalidTransactionTimeout):
		return fmt.Errorf("kafka: the brokers %s do not allow a kafka.TransactionTimeout of %v: %w; shorten it, or raise transaction.max.timeout.ms of the brokers", c.address(), c.transactionTimeout, err)
	case denied(err):
		return fmt.Errorf("kafka: transactional id %q: %w; ask for the right to describe and write it, or choose another kafka.TransactionalPrefix", id, err)
	}
	return fmt.Errorf("kafka: no transactional producer %q at %s: %w", id, c.address(), err)
}

// take returns a producer that is ready and has one made for the next time; nil
// if none is, then ready is called once there is one.
func (ps *producers) take() *producer {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	var p *producer
	if len(ps.free) > 0 {
		p, ps.free = ps.free[0], ps.free[1:]
	}
	if len(ps.free) == 0 && ps.making == 0 && ps.made < ps.config.transactions {
		ps.replace(ps.prefix + strconv.Itoa(ps.made))
		ps.made++
	}
	return p
}

// replace makes a producer with an id that has none. The caller holds mu.
func (ps *producers) replace(id string) {
	if ps.ctx.Err() != nil {
		return
	}
	ps.making++
	ps.busy.Go(func() {
		var p *producer
		err := insist(ps.ctx, func() (err error) {
			p, err = ps.make(ps.ctx, id)
			return err
		})
		ps.mu.Lock()
		ps.making--
		if err == nil {
			ps.free = append(ps.free, p)
		}
		ps.mu.Unlock()
		switch {
		case err == nil:
			ps.ready()
		case ps.ctx.Err() == nil:
			ps.broken(ps.config.explainProducer(id, err))
		}
	})
}

// prepared notes that a transaction waits for its commit.
func (ps *producers) prepared(t transaction, p *producer) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.waiting[t.key()] = p
}

// open returns how many transactions are prepared.
func (ps *producers) open() int {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return len(ps.waiting)
}

// commit commits a prepared transaction; one that is not waiting was committed
// before.
func (ps *producers) commit(ctx context.Context, t transaction) error {
	ps.committing.Lock()
	defer ps.committing.Unlock()
	ps.mu.Lock()
	p := ps.waiting[t.key()]
	ps.mu.Unlock()
	if p == nil {
		return nil
	}
	again := ps.end(ctx, p)
	if !again { // its outcome is not known, or it was asked for before
		if err := ps.config.settle(ctx, ps.admin, ps.log, t); err != nil {
			return err
		}
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	delete(ps.waiting, t.key())
	if again {
		ps.free = append(ps.free, p)
	} else {
		ps.replace(p.id)
	}
	if len(ps.free) > 0 {
		ps.ready()
	}
	return nil
}

// end has the producer itself commit, and tells whether it did and can be used
// again: it has another epoch then. Otherwise it is closed.
func (ps *producers) end(ctx context.Context, p *producer) bool {
	if p.cl == nil {
		return false
	}
	if p.cl.EndTransaction(ctx, kgo.TryCommit) == nil {
		pid, epoch, err := p.cl.ProducerID(ctx)
		if err == nil && pid == p.pid && epoch == p.epoch+1 {
			p.epoch = epoch
			return true
		}
	}
	// The epoch stays the same with version 1 of transactions, and no two may have
	// the same; or it is not certain what happened. The client is not asked again:
	// it might begin a new epoch, which rolls back.
	p.cl.Close()
	p.cl = nil
	return false
}

// settle commits a transaction whose producer is gone or of no use, or makes
// sure that it was committed.
func (c *sinkConfig) settle(ctx context.Context, cl *kgo.Client, log *slog.Logger, t transaction) error {
	err := t.end(ctx, cl, true)
	if errors.Is(err, errEnded) {
		return c.judge(ctx, log, t, err)
	}
	if err != nil {
		return fmt.Errorf("kafka: cannot commit transaction %s on topic %q: %w", t, t.topic, err)
	}
	return nil
}

// judge decides about a transaction that its coordinator refuses to commit.
func (c *sinkConfig) judge(ctx context.Context, log *slog.Logger, t transaction, refused error) error {
	if !t.placed {
		return fmt.Errorf("kafka: transaction %s on topic %q cannot be committed, and it cannot be told whether it was: %w; restore an older checkpoint or a savepoint, or take this one with kafka.AcceptLoss", t, t.topic, refused)
	}
	fate, err := t.fate(ctx, c.options(log))
	switch {
	case err != nil:
		return fmt.Errorf("kafka: transaction %s cannot be committed (%w), and %s/%d cannot be read from offset %d to tell whether it was: %w", t, refused, t.topic, t.partition, t.offset, err)
	case fate == rolledBack:
		return fmt.Errorf("kafka: transaction %s on topic %q was rolled back before it could be committed, so the records of its checkpoint are lost: it was open for longer than its timeout, now %v (kafka.TransactionTimeout), or another job uses the same kafka.TransactionalPrefix; restore an older checkpoint or a savepoint, which writes them again, or go on without them with kafka.AcceptLoss (%w)",
			t, t.topic, c.transactionTimeout, refused)
	}
	return nil
}

// abort rolls back the transaction that is being written, if the broker can be
// reached soon: an open one hides what others commit after it.
func (ps *producers) abort(p *producer) {
	p.cl.Close() // nothing is sent any more
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	t := transaction{id: p.id, producer: p.pid, epoch: p.epoch}
	if err := t.end(ctx, ps.admin, false); err != nil && !errors.Is(err, errEnded) {
		ps.log.Debug("an open transaction was left to its timeout or the next attempt", "transaction", t.String(), "err", err)
	}
}

// close releases all producers. Prepared transactions stay as they are.
func (ps *producers) close() {
	ps.stop()
	ps.busy.Wait()
	ps.committing.Lock()
	defer ps.committing.Unlock()
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, p := range ps.waiting {
		if p.cl != nil {
			p.cl.Close()
		}
	}
	for _, p := range ps.free {
		p.cl.Close()
	}
	ps.free, ps.waiting = nil, nil
	ps.admin.Close()
}
