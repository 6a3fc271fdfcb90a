package kafka

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// longestTransaction is what brokers allow unless they are told otherwise.
	longestTransaction = 15 * time.Minute
	// defaultTransactions are the transactions that a subtask may have open.
	defaultTransactions = 5
)

// ExactlyOnce writes in transactions that are committed with the job's
// checkpoints: readers that read committed records only see each record once,
// whatever happens to the job. They see it when the checkpoint after it is
// complete, so the interval of checkpoints is the delay. The package
// documentation has more. It needs Kafka 3.0 or later and goes neither with
// WithoutIdempotence nor with Acks other than AckAll.
func ExactlyOnce() SinkOption { return sinkOption(func(c *sinkConfig) { c.exactlyOnce = true }) }

// TransactionalPrefix is what the transactional ids of an ExactlyOnce sink begin
// with; the operator, the subtask and a number come after it. The default is
// "afflux-" and the name of the job. It must stay the same over restarts, and no
// other job of the cluster may use it: two that do fence each other.
func TransactionalPrefix(prefix string) SinkOption {
	return sinkOption(func(c *sinkConfig) {
		if prefix == "" {
			c.wrong("kafka.TransactionalPrefix is empty")
		}
		c.transactional = prefix
	})
}

// TransactionTimeout is how long a transaction of an ExactlyOnce sink may be open
// before the brokers roll it back, which is how long the job may be down between
// a checkpoint and its recovery: what was prepared is lost after that, and
// recovery says so. The default is the most that the brokers allow
// (transaction.max.timeout.ms, 15 minutes unless set).
func TransactionTimeout(d time.Duration) SinkOption {
	return sinkOption(func(c *sinkConfig) {
		c.within("TransactionTimeout", d.Milliseconds(), 1000, 1<<31-1)
		c.transactionTimeout = d
	})
}

// MaxTransactions bounds the transactions that a subtask of an ExactlyOnce sink
// has open: one that is being written, and those that wait for their checkpoint
// to be complete; the default is 5. When it is reached the sink presses. It
// should exceed the number of checkpoints in a row that the job may give up.
func MaxTransactions(n int) SinkOption {
	return sinkOption(func(c *sinkConfig) {
		c.within("MaxTransactions", int64(n), 2, 1000)
		c.transactions = n
	})
}

// AcceptLoss lets a job with an ExactlyOnce sink recover from a checkpoint
// although a transaction that it had prepared was rolled back since: the records
// of that transaction are lost.
func AcceptLoss() SinkOption { return sinkOption(func(c *sinkConfig) { c.acceptLoss = true }) }

// checkTransactions finds options that contradict each other.
func (c *sinkConfig) checkTransactions() {
	switch {
	case !c.exactlyOnce:
	case c.repeatable:
		c.wrong("kafka.ExactlyOnce does not go with kafka.WithoutIdempotence")
	case c.acks != AckAll:
		c.wrong("kafka.ExactlyOnce needs kafka.AckAll")
	}
}

// timeout is how long transactions may be open.
func (c *sinkConfig) timeout(ctx context.Context, cl *kgo.Client) (time.Duration, error) {
	longest, known := longestAllowed(ctx, cl)
	switch {
	case c.transactionTimeout == 0:
		return longest, nil
	case known && c.transactionTimeout > longest:
		return 0, fmt.Errorf("kafka: kafka.TransactionTimeout is %v, but the brokers %s allow %v: shorten it, or raise their transaction.max.timeout.ms", c.transactionTimeout, c.address(), longest)
	}
	return c.transactionTimeout, nil
}

// longestAllowed asks a broker how long transactions may be open. Without the
// right to ask, it is the default.
func longestAllowed(ctx context.Context, cl *kgo.Client) (d time.Duration, known bool) {
	admin := kadm.NewClient(cl)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	m, err := admin.BrokerMetadata(ctx)
	if err != nil || len(m.Brokers) == 0 {
		return longestTransaction, false
	}
	configs, err := admin.DescribeBrokerConfigs(ctx, m.Brokers[0].NodeID)
	if err != nil {
		return longestTransaction, false
	}
	for _, resource := range configs {
		for _, entry := range resource.Configs {
			if entry.Key != "transaction.max.timeout.ms" {
				continue
			}
			if ms, err := strconv.ParseInt(entry.MaybeValue(), 10, 32); err == nil && ms > 0 {
				return time.Duration(ms) * time.Millisecond, true
			}
		}
	}
	return longestTransaction, false
}
