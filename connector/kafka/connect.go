package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// dial returns a connected client, or says within the connect timeout why
// there is none. ctx bounds the attempts, not the life of the client.
func (c *clientConfig) dial(ctx context.Context, opts []kgo.Opt) (*kgo.Client, error) {
	if err := errors.Join(c.problems...); err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("kafka: these options do not go together: %w", err)
	}
	if err := c.reach(ctx, cl); err != nil {
		cl.Close()
		return nil, err
	}
	return cl, nil
}

// closeDirect closes a client that reads partitions of its own choice. Closing
// alone would race with the client's update of metadata, which may assign the
// partitions again and begin to fetch while the client is being torn down. A
// client that has forgotten the topics assigns nothing. Where the cluster does
// not answer, forgetting waits for the update; nothing is fetched then either.
func closeDirect(cl *kgo.Client, topics ...string) {
	forgotten := make(chan struct{})
	go func() {
		defer close(forgotten)
		cl.PurgeTopicsFromConsuming(slices.Clone(topics)...)
	}()
	patience := time.NewTimer(time.Second)
	select {
	case <-forgotten:
	case <-patience.C:
	}
	patience.Stop()
	cl.Close() // ends a wait to forget
	<-forgotten
}

func (c *clientConfig) reach(ctx context.Context, cl *kgo.Client) error {
	ctx, cancel := context.WithTimeout(ctx, c.connect)
	defer cancel()
	var last error
	for try := 1; ; try++ {
		err := cl.Ping(ctx)
		if err == nil {
			return nil
		}
		if last == nil || !timedOut(err) { // keep the cause, not that our own time is up
			last = err
		}
		if why := c.refused(err); why != nil {
			return why
		}
		wait := time.NewTimer(backoff(try))
		select {
		case <-wait.C:
			continue
		case <-ctx.Done():
		}
		wait.Stop()
		if !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			return fmt.Errorf("kafka: stopped while connecting to %s: %w", c.address(), context.Cause(ctx))
		}
		if errors.Is(last, io.EOF) || errors.Is(last, syscall.ECONNRESET) {
			return fmt.Errorf("kafka: %s takes connections and hangs up (tried for %v): %w; it may expect encryption or none (kafka.TLS), a login, or another user or password (kafka.Plain, kafka.ScramSHA256, kafka.ScramSHA512)", c.address(), c.connect, last)
		}
		if c.tls != nil && timedOut(last) {
			return fmt.Errorf("kafka: no broker answered at %s within %v: %w; is it there, and does it expect encryption (kafka.TLS) on this port?", c.address(), c.connect, last)
		}
		return fmt.Errorf("kafka: no broker answered at %s within %v: %w; start one, for example with \"afflux broker\", or name another with kafka.Brokers (in YAML brokers)", c.address(), c.connect, last)
	}
}

func (c *clientConfig) address() string { return strings.Join(c.brokers, ", ") }

// refused tells which errors waiting does not mend.
func (c *clientConfig) refused(err error) error {
	if denied(err) {
		return fmt.Errorf("kafka: %s refused the login: %w; check user, password and mechanism (kafka.Plain, kafka.ScramSHA256, kafka.ScramSHA512)", c.address(), err)
	}
	_, cert := errors.AsType[*tls.CertificateVerificationError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	if cert || record {
		return fmt.Errorf("kafka: no encrypted connection to %s: %w; check kafka.TLS and the listener of the broker", c.address(), err)
	}
	return nil
}

func timedOut(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// denied tells whether err is about who we are or what we may do.
func denied(err error) bool {
	return slices.ContainsFunc([]error{
		kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState,
		kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed,
		kerr.TransactionalIDAuthorizationFailed,
	}, func(e error) bool { return errors.Is(err, e) })
}

// existing returns the details of topics that all exist.
func (c *clientConfig) existing(ctx context.Context, admin *kadm.Client, names ...string) (kadm.TopicDetails, error) {
	ctx, cancel := context.WithTimeout(ctx, c.connect)
	defer cancel()
	for try := 1; ; try++ {
		details, err := admin.ListTopics(ctx, names...)
		if err == nil {
			if err = details.Error(); err == nil {
				return details, nil
			}
		}
		for _, d := range details.Sorted() {
			switch {
			case errors.Is(d.Err, kerr.UnknownTopicOrPartition):
				return nil, c.unknown(ctx, admin, d.Topic)
			case denied(d.Err):
				return nil, fmt.Errorf("kafka: topic %q at %s: %w; ask for the right to read, write and describe it", d.Topic, c.address(), d.Err)
			case d.Err != nil && !kerr.IsRetriable(d.Err):
				return nil, fmt.Errorf("kafka: topic %q at %s: %w", d.Topic, c.address(), d.Err)
			}
		}
		wait := time.NewTimer(backoff(try))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return nil, fmt.Errorf("kafka: no answer about topic %s from %s: %w", strings.Join(names, ", "), c.address(), err)
		}
	}
}

// unknown explains that a topic does not exist, and shows which do.
func (c *clientConfig) unknown(ctx context.Context, admin *kadm.Client, topic string) error {
	has := "it has no topics"
	if all, err := admin.ListTopics(ctx); err == nil && len(all) > 0 {
		names := all.Names()
		slices.Sort(names)
		more := ""
		if len(names) > 10 {
			names, more = names[:10], " and others"
		}
		has = "it has " + strings.Join(names, ", ") + more
	}
	return fmt.Errorf("kafka: topic %q does not exist at %s (%s): check the name, or create the topic, for example with kafka-topics.sh --bootstrap-server %s --create --topic %s --partitions 4",
		topic, c.address(), has, c.brokers[0], topic)
}
