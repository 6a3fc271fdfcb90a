// Package broker runs an embedded log that speaks the Kafka protocol, so that
// a job can be developed and shown without installing anything.
//
// It is franz-go's kfake, which its author calls a fake broker for testing: a
// single node without replication. Use it for development, demonstrations and
// tests; keep data that matters in Apache Kafka or a compatible system.
package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
)

// DefaultListen is where a broker listens unless told otherwise: loopback
// only, since the protocol is served without encryption or authentication.
const DefaultListen = "127.0.0.1:9092"

// Options configure Start. The zero value is an in-memory broker on DefaultListen.
type Options struct {
	// Listen is host:port. Port 0 takes a free port. The host must be an
	// address that clients can connect to, not a wildcard, since the broker
	// announces it to them. Empty means DefaultListen.
	Listen string
	// DataDir keeps topics, records and group offsets on disk; it is created
	// if needed and used by one broker at a time. Empty keeps them in memory
	// until Close.
	DataDir string
	// Topics are created if they do not exist: name to number of partitions,
	// at least 1. A topic that exists keeps the partitions it has.
	Topics map[string]int
	// SyncWrites forces each produced batch to disk before it is
	// acknowledged, so that it survives a power failure and not only the end
	// of the process. It needs DataDir.
	SyncWrites bool
	// Log hears of trouble, above all of damaged segments whose tail was cut
	// off. Nil is silent.
	Log *slog.Logger
}

// Broker is a running broker. Its methods may be called from any goroutine.
type Broker struct {
	cluster *kfake.Cluster
	addr    string
	lock    io.Closer
	stop    func() bool
	once    sync.Once
	err     error
}

// Start runs a broker until Close is called or ctx ends. It returns once the
// broker accepts connections. Errors say which option is at fault: an address
// in use, a data directory that cannot be used or is in use.
func Start(ctx context.Context, o Options) (*Broker, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("broker: not started: %w", err)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := o.Check(); err != nil {
		return nil, err
	}
	ln, err := listen(o.address())
	if err != nil {
		return nil, err
	}
	b := &Broker{addr: ln.Addr().String()}
	if o.DataDir != "" {
		if b.lock, err = claim(o.DataDir); err != nil {
			_ = ln.Close()
			return nil, err
		}
	}
	if b.cluster, err = kfake.NewCluster(o.cluster(ln)...); err != nil {
		_ = ln.Close()
		_ = b.unlock()
		if o.DataDir == "" {
			return nil, fmt.Errorf("broker: cannot start: %w", err)
		}
		return nil, fmt.Errorf("broker: cannot open the log in %s: %w; move the directory away to start with an empty log", o.DataDir, err)
	}
	if err := b.createTopics(o); err != nil {
		_ = b.close()
		return nil, err
	}
	b.stop = context.AfterFunc(ctx, func() { _ = b.close() })
	return b, nil
}

// Check returns what no broker can be started with, whatever the machine: an
// address or a topic that is none, or options that contradict one another.
func (o Options) Check() error {
	host, _, err := net.SplitHostPort(o.address())
	if err != nil {
		return fmt.Errorf("broker: listen address %q: want host:port, like %s", o.Listen, DefaultListen)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return fmt.Errorf("broker: listen address %q names no host, and the broker must announce one to its clients: write the address they use, like %s", o.Listen, DefaultListen)
	}
	if o.SyncWrites && o.DataDir == "" {
		return errors.New("broker: synced writes need a data directory (--data-dir)")
	}
	for topic, n := range o.Topics {
		if topic == "" || n < 1 || n > 1<<15 {
			return fmt.Errorf("broker: topic %q with %d partitions: a topic needs a name and 1 to 32768 partitions", topic, n)
		}
		if len(topic) > 249 || strings.Trim(topic, ".") == "" || strings.ContainsFunc(topic, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-')
		}) {
			return fmt.Errorf("broker: topic %q: a name has letters, digits, and . _ - only, and at most 249 of them", topic)
		}
	}
	return nil
}

func (o Options) address() string { return cmp.Or(o.Listen, DefaultListen) }

func (o Options) cluster(ln net.Listener) []kfake.Opt {
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ClusterID("afflux-development"),
		kfake.WithLogger(logger{o.Log}),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return ln, nil }),
	}
	if o.DataDir != "" {
		opts = append(opts, kfake.DataDir(o.DataDir))
	}
	if o.SyncWrites {
		opts = append(opts, kfake.SyncWrites())
	}
	return opts
}

func listen(address string) (net.Listener, error) {
	ln, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("broker: %s is in use, perhaps by another broker: stop it, or listen on another port", address)
	case err != nil:
		return nil, fmt.Errorf("broker: cannot listen on %s: %w", address, err)
	}
	return ln, nil
}

func (b *Broker) createTopics(o Options) error {
	for topic, n := range o.Topics {
		if info := b.cluster.TopicInfo(topic); info != nil {
			if have := b.cluster.PartitionInfo(topic, int32(n-1)); have == nil || b.cluster.PartitionInfo(topic, int32(n)) != nil {
				o.Log.Warn("topic exists with another number of partitions, which it keeps", "topic", topic, "asked", n)
			}
			continue
		}
		if err := b.cluster.CreateTopic(topic, int32(n), nil); err != nil {
			return fmt.Errorf("broker: cannot create topic %q with %d partitions: %w", topic, n, err)
		}
	}
	return nil
}

// Addr is the host:port that clients connect to.
func (b *Broker) Addr() string { return b.addr }

// Close ends all connections, writes the state to the data directory and
// releases it. Closing twice is allowed.
func (b *Broker) Close() error {
	if b.stop != nil {
		b.stop()
	}
	return b.close()
}

func (b *Broker) close() error {
	b.once.Do(func() {
		b.cluster.Close()
		b.err = b.unlock()
	})
	return b.err
}

func (b *Broker) unlock() error {
	if b.lock == nil {
		return nil
	}
	return b.lock.Close()
}

// logger passes kfake's messages on. Requests and responses are detail.
type logger struct{ log *slog.Logger }

func (l logger) Logf(level kfake.LogLevel, format string, args ...any) {
	at := slog.LevelDebug
	switch level {
	case kfake.LogLevelNone:
		return
	case kfake.LogLevelError:
		at = slog.LevelError
	case kfake.LogLevelWarn:
		at = slog.LevelWarn
	}
	if l.log.Enabled(context.Background(), at) {
		l.log.Log(context.Background(), at, fmt.Sprintf(format, args...))
	}
}

// usable makes sure that dir is a directory that can be written to.
func usable(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("broker: cannot use data directory %s: %w", dir, err)
	}
	f, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return fmt.Errorf("broker: cannot write to data directory %s: %w", dir, err)
	}
	f.Close()
	return os.Remove(f.Name())
}
