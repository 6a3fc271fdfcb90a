package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"

	"github.com/affluxdev/afflux/connector"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fencers bounds the producers that are fenced at a time.
const fencers = 16

// Recover implements connector.Recoverer: it commits the transactions of the
// checkpoint, then takes over the transactional ids of the operator, whatever its
// parallelism was, which rolls back what they have open and fences the producers
// that use them. Only then does it look into those that could not be committed.
func (s *sink[T]) Recover(ctx context.Context, r connector.Recovery) error {
	c := &s.config
	if !c.exactlyOnce && len(r.Prepared) == 0 {
		return nil
	}
	var all []transaction
	for _, h := range r.Prepared {
		t, err := parseTransaction(h)
		if err != nil {
			return err
		}
		all = append(all, t)
	}
	log := slog.New(slog.DiscardHandler)
	cl, err := c.coordination(ctx, c.options(log))
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, c.delivery)
	defer cancel()
	refused := map[transaction]error{}
	for _, t := range all {
		switch err := t.end(ctx, cl, true); {
		case errors.Is(err, errEnded):
			refused[t] = err
		case err != nil:
			return fmt.Errorf("kafka: cannot commit transaction %s on topic %q, which the checkpoint has prepared: %w", t, t.topic, err)
		}
	}
	if c.exactlyOnce {
		if err := c.fence(ctx, cl, c.transactionalPrefix(r.Job, r.Operator)); err != nil {
			return err
		}
	}
	if c.acceptLoss {
		return nil
	}
	for t, err := range refused {
		if err := c.judge(ctx, log, t, err); err != nil {
			return err
		}
	}
	return nil
}

// fence takes over every transactional id that an operator has used.
func (c *sinkConfig) fence(ctx context.Context, cl *kgo.Client, prefix string) error {
	timeout, err := c.timeout(ctx, cl)
	if err != nil {
		return err
	}
	var ids []string
	err = insist(ctx, func() error {
		ids = ids[:0]
		found, err := kadm.NewClient(cl).ListTransactions(ctx, nil, nil)
		for id := range found {
			if rest, ok := strings.CutPrefix(id, prefix); ok && numbered(rest) {
				ids = append(ids, id)
			}
		}
		return first(err)
	})
	if err != nil {
		return fmt.Errorf("kafka: cannot list the transactions that earlier attempts have left at %s: %w; exactly once needs Kafka 3.0 or later", c.address(), err)
	}
	work := make(chan string)
	failed := make([]error, fencers)
	var workers sync.WaitGroup
	for i := range fencers {
		workers.Go(func() {
			for id := range work {
				if err := takeOver(ctx, cl, id, int32(timeout.Milliseconds())); err != nil {
					failed[i] = errors.Join(failed[i], c.explainProducer(id, err))
				}
			}
		})
	}
	for _, id := range ids {
		work <- id
	}
	close(work)
	workers.Wait()
	return errors.Join(failed...)
}

// numbered tells whether s is the numbers of a subtask and of a producer.
func numbered(s string) bool {
	subtask, producer, ok := strings.Cut(s, "-")
	_, err1 := strconv.ParseUint(subtask, 10, 31)
	_, err2 := strconv.ParseUint(producer, 10, 31)
	return ok && err1 == nil && err2 == nil
}

// first is what went wrong at one of several brokers.
func first(err error) error {
	if shards, ok := errors.AsType[*kadm.ShardErrors](err); ok && len(shards.Errs) > 0 {
		return shards.Errs[0].Err
	}
	return err
}

// takeOver raises the epoch of a transactional id; an open transaction is rolled
// back first.
func takeOver(ctx context.Context, cl *kgo.Client, id string, timeout int32) error {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID, req.TransactionTimeoutMillis = &id, timeout
	return insist(ctx, func() error {
		resp, err := req.RequestWith(ctx, cl)
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(resp.ErrorCode)
	})
}
