package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// transaction names one transaction for ever: no two have the same transactional
// id, producer id and epoch, since each has a producer of its own, and a new
// producer raises the epoch.
type transaction struct {
	id       string
	producer int64
	epoch    int16
	topic    string
	// One of its records, once that is known: what became of the record tells
	// what became of the transaction, when its coordinator does not any more.
	placed    bool
	partition int32
	offset    int64
}

func (t *transaction) place(m *mark) {
	if m != nil {
		t.placed, t.partition, t.offset = true, m.partition, m.offset
	}
}

func (t transaction) String() string {
	return fmt.Sprintf("%q (producer %d, epoch %d)", t.id, t.producer, t.epoch)
}

// The layout of a handle, numbers big-endian: version 1, producer, epoch, 1 if a
// record is named, its partition and offset, the length of the topic in two
// bytes, the topic, the transactional id.
const (
	handleVersion = 1
	handlePlace   = 11 // where the record is named
	handleTopic   = 24 // where the topic's length is
)

func (t transaction) handle() []byte {
	b := make([]byte, 0, handleTopic+2+len(t.topic)+len(t.id))
	b = append(b, handleVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(t.producer))
	b = binary.BigEndian.AppendUint16(b, uint16(t.epoch))
	b = append(b, make([]byte, handleTopic-handlePlace)...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(t.topic)))
	b = append(append(b, t.topic...), t.id...)
	if t.placed {
		placeIn(b, &mark{t.partition, t.offset})
	}
	return b
}

// placeIn names a record in a handle that names none.
func placeIn(handle []byte, m *mark) {
	if m != nil {
		handle[handlePlace] = 1
		binary.BigEndian.PutUint32(handle[handlePlace+1:], uint32(m.partition))
		binary.BigEndian.PutUint64(handle[handlePlace+5:], uint64(m.offset))
	}
}

func parseTransaction(b []byte) (t transaction, err error) {
	damaged := fmt.Errorf("kafka: the checkpoint has %.80q as the handle of a transaction, which is none: it is damaged, or was written by another sink or version", b)
	if len(b) < handleTopic+2 || b[0] != handleVersion || b[handlePlace] > 1 {
		return t, damaged
	}
	t.producer = int64(binary.BigEndian.Uint64(b[1:]))
	t.epoch = int16(binary.BigEndian.Uint16(b[9:]))
	t.placed = b[handlePlace] == 1
	t.partition = int32(binary.BigEndian.Uint32(b[handlePlace+1:]))
	t.offset = int64(binary.BigEndian.Uint64(b[handlePlace+5:]))
	n := int(binary.BigEndian.Uint16(b[handleTopic:]))
	if rest := b[handleTopic+2:]; n > 0 && len(rest) > n {
		t.topic, t.id = string(rest[:n]), string(rest[n:])
	}
	if t.id == "" || t.producer < 0 || t.epoch < 0 || t.partition < 0 || t.offset < 0 || !t.placed && (t.partition != 0 || t.offset != 0) {
		return t, damaged
	}
	return t, nil
}

// errEnded says that the coordinator knows the transaction no more as one that
// can be committed: it is committed already, or was rolled back.
var errEnded = errors.New("the transaction has ended")

// end commits a prepared transaction, possibly one of another process, whose
// producer may be gone. It tries until ctx ends. Committed again it is no error
// as long as nothing else came after it, then errEnded is.
func (t transaction) end(ctx context.Context, cl *kgo.Client, commit bool) error {
	req := kmsg.NewPtrEndTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = t.id, t.producer, t.epoch, commit
	return insist(ctx, func() error {
		resp, err := req.RequestWith(ctx, cl)
		if err != nil {
			return err
		}
		switch err := kerr.ErrorForCode(resp.ErrorCode); {
		case err == nil:
			return nil
		case slices.ContainsFunc([]error{kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.InvalidTxnState,
			kerr.InvalidProducerIDMapping, kerr.TransactionalIDNotFound, kerr.UnknownProducerID},
			func(e error) bool { return errors.Is(err, e) }):
			return fmt.Errorf("%w: %w", errEnded, err)
		default:
			return err
		}
	})
}

// insist calls f until it returns nil or an error that waiting does not mend.
func insist(ctx context.Context, f func() error) error {
	for try := 1; ; try++ {
		err := f()
		if err == nil || !transient(err) && !errors.Is(err, kerr.ConcurrentTransactions) {
			return err
		}
		wait := time.NewTimer(min(backoff(try), 20*time.Millisecond<<min(try, 10)))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}

// fate is what became of a transaction, as its topic tells.
type fate uint8

const (
	committed fate = iota
	rolledBack
	gone // its records are not in the topic any more, so it does not matter
)

// fate looks for the marker that ended the transaction, behind one of its
// records. Both are in the topic whatever coordinators have forgotten, until
// the topic's retention or compaction removes them.
func (t transaction) fate(ctx context.Context, opts []kgo.Opt) (fate, error) {
	cl, err := kgo.NewClient(append(opts,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{t.topic: {t.partition: kgo.NewOffset().At(t.offset)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.KeepControlRecords(), // uncommitted: others may have open transactions before it
		kgo.FetchMaxBytes(1<<20),
		kgo.FetchMaxWait(100*time.Millisecond), // the broker holds what is asked for last
	)...)
	if err != nil {
		return 0, err
	}
	defer closeDirect(cl, t.topic)
	for seen := false; ; {
		fetches := cl.PollRecords(ctx, 1000)
		if err := ctx.Err(); err != nil {
			return 0, context.Cause(ctx)
		}
		var failed error
		fetches.EachError(func(_ string, _ int32, err error) { failed = err })
		switch {
		case errors.Is(failed, kerr.OffsetOutOfRange):
			return gone, nil
		case failed != nil && !transient(failed):
			return 0, failed
		}
		for _, rec := range fetches.Records() {
			ours := rec.ProducerID == t.producer
			if !seen {
				if rec.Offset != t.offset || !ours || rec.ProducerEpoch != t.epoch {
					return gone, nil
				}
				seen = true
			}
			if !ours || !rec.Attrs.IsControl() || len(rec.Key) < 4 {
				continue
			}
			if binary.BigEndian.Uint16(rec.Key[2:]) == 1 {
				return committed, nil
			}
			return rolledBack, nil
		}
	}
}

// coordination returns a client that ends transactions of others in the way of
// the cluster: version 5 of the request must not be sent where version 2 of
// transactions is not in force.
func (c *clientConfig) coordination(ctx context.Context, opts []kgo.Opt) (*kgo.Client, error) {
	cl, err := c.dial(ctx, opts)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.connect)
	defer cancel()
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "afflux", "1"
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		cl.Close()
		return nil, fmt.Errorf("kafka: cannot ask %s which transactions it offers: %w", c.address(), err)
	}
	for _, f := range resp.FinalizedFeatures {
		if f.Name == "transaction.version" && f.MaxVersionLevel >= 2 {
			return cl, nil
		}
	}
	cl.Close()
	known := kversion.Stable()
	known.SetMaxKeyVersion(int16(kmsg.EndTxn), 4)
	return c.dial(ctx, append(slices.Clip(opts), kgo.MaxVersions(known)))
}
