package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// producers are the transactional producers of one subtask: one writes, others
// wait until their transaction is committed, and one is ready ahead of time. Each
// has a transactional id of its own, since an id has one transaction at a time.
//
// A producer is used for one transaction. The library could use it for the next,
// but then it would have to commit this one, and it does not tell a transaction
// that it commits from one that it takes for empty and rolls back. So commits go
// by the stored identity, here as in Recover.
type producers struct {
	config *sinkConfig
	opts   func() []kgo.Opt // anew for each client: the library changes what they hold
	prefix string           // of the transactional ids
	admin  *kgo.Client
	log    *slog.Logger
	ready  func()      // a producer became free
	broken func(error) // there will be no more

	ctx  context.Context // ends with close
	stop context.CancelFunc
	busy sync.WaitGroup // the goroutine that makes a producer

	committing sync.Mutex // held while a transaction is committed

	mu      sync.Mutex
	next    *producer                 // ready, nil if there is none
	making  bool                      // one is being made
	waiting map[transaction]*producer // prepared; the place is not part of the key
	idle    []string                  // ids without a transaction or producer
	numbers int                       // of ids that there are
}

// producer is a client with one transactional id.
type producer struct {
	id    string
	cl    *kgo.Client
	pid   int64
	epoch int16
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
func newProducers(ctx context.Context, c *sinkConfig, opts func() []kgo.Opt, prefix string, admin *kgo.Client, log *slog.Logger) (*producers, error) {
	ps := &producers{config: c, opts: opts, prefix: prefix, admin: admin, log: log, waiting: map[transaction]*producer{}, numbers: 1}
	ps.ctx, ps.stop = context.WithCancel(context.Background())
	// A new cluster first makes the log of its transactions.
	ctx, cancel := context.WithTimeout(ctx, max(c.connect, 30*time.Second))
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
	ps.next = p
	return ps, nil
}

func (ps *producers) make(ctx context.Context, id string) (*producer, error) {
	p := &producer{id: id}
	var err error
	opts := append(ps.opts(), kgo.TransactionalID(id), kgo.TransactionTimeout(ps.config.transactionTimeout))
	if p.cl, err = kgo.NewClient(opts...); err != nil {
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

// take returns the producer that is ready and has another one made; nil if none
// is, then ready is called once there is one.
func (ps *producers) take() *producer {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p := ps.next
	ps.next = nil
	ps.provide()
	return p
}

// provide has a producer made if none is ready and an id is free. The caller
// holds mu.
func (ps *producers) provide() {
	if ps.next != nil || ps.making || ps.ctx.Err() != nil {
		return
	}
	var id string
	switch {
	case len(ps.idle) > 0:
		id, ps.idle = ps.idle[0], ps.idle[1:]
	case ps.numbers < ps.config.transactions:
		id = ps.prefix + strconv.Itoa(ps.numbers)
		ps.numbers++
	default:
		return
	}
	ps.making = true
	ps.busy.Go(func() {
		var p *producer
		err := insist(ps.ctx, func() (err error) {
			p, err = ps.make(ps.ctx, id)
			return err
		})
		ps.mu.Lock()
		ps.making = false
		ps.next = p
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
	if err := ps.config.settle(ctx, ps.admin, ps.log, t); err != nil {
		return err
	}
	p.cl.Close()
	ps.mu.Lock()
	defer ps.mu.Unlock()
	delete(ps.waiting, t.key())
	ps.idle = append(ps.idle, p.id)
	ps.provide()
	return nil
}

// settle commits a prepared transaction, or makes sure that it was committed.
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
		p.cl.Close()
	}
	if ps.next != nil {
		ps.next.cl.Close()
	}
	ps.next, ps.waiting = nil, nil
	ps.admin.Close()
}
