package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// DefaultBroker is the broker used without the Brokers option.
const DefaultBroker = "127.0.0.1:9092"

// SourceOption configures a Source.
type SourceOption interface{ source(*sourceConfig) }

// SinkOption configures a Sink.
type SinkOption interface{ sink(*sinkConfig) }

// Option configures both a Source and a Sink.
type Option interface {
	SourceOption
	SinkOption
}

type option func(*clientConfig)

func (o option) source(c *sourceConfig) { o(&c.clientConfig) }
func (o option) sink(c *sinkConfig)     { o(&c.clientConfig) }

// clientConfig says how to reach a cluster.
type clientConfig struct {
	brokers  []string
	id       string
	tls      *tls.Config
	sasl     sasl.Mechanism
	connect  time.Duration
	metadata time.Duration
	codec    any     // codec.Codec[T]; nil for JSON
	problems []error // of options, reported by Open
}

func newClientConfig() clientConfig {
	return clientConfig{
		brokers:  []string{DefaultBroker},
		id:       "afflux",
		connect:  10 * time.Second,
		metadata: time.Second,
	}
}

// Brokers names one or more brokers of the cluster as host:port; the others
// are found through them. The default is DefaultBroker.
func Brokers(addresses ...string) Option {
	return option(func(c *clientConfig) {
		if len(addresses) == 0 {
			c.wrong("kafka.Brokers needs at least one host:port")
			return
		}
		c.brokers = addresses
	})
}

// ClientID is the name that brokers see in their logs, metrics and quotas; the
// default is "afflux".
func ClientID(id string) Option { return option(func(c *clientConfig) { c.id = id }) }

// TLS encrypts connections. A nil configuration trusts the system's
// certificate authorities.
func TLS(config *tls.Config) Option {
	return option(func(c *clientConfig) {
		if config == nil {
			config = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		c.tls = config
	})
}

// Plain authenticates with user and password, sent as they are: use it with TLS.
func Plain(user, password string) Option {
	return option(func(c *clientConfig) {
		c.sasl = plain.Auth{User: user, Pass: password}.AsMechanism()
	})
}

// ScramSHA256 authenticates with user and password by SCRAM-SHA-256.
func ScramSHA256(user, password string) Option {
	return option(func(c *clientConfig) {
		c.sasl = scram.Auth{User: user, Pass: password}.AsSha256Mechanism()
	})
}

// ScramSHA512 authenticates with user and password by SCRAM-SHA-512.
func ScramSHA512(user, password string) Option {
	return option(func(c *clientConfig) {
		c.sasl = scram.Auth{User: user, Pass: password}.AsSha512Mechanism()
	})
}

// ConnectTimeout is how long Open tries to reach a broker before it gives up;
// the default is 10 s. Once connected, the client reconnects without limit.
func ConnectTimeout(d time.Duration) Option {
	return option(func(c *clientConfig) {
		if d <= 0 {
			c.wrong("kafka.ConnectTimeout must be positive")
			return
		}
		c.connect = d
	})
}

// MetadataMinAge is the least time between two questions to the cluster about
// where its partitions are; the default is 1 s. A shorter time finds a moved
// partition sooner.
func MetadataMinAge(d time.Duration) Option {
	return option(func(c *clientConfig) {
		if d < 10*time.Millisecond {
			c.wrong("kafka.MetadataMinAge must be at least 10ms")
			return
		}
		c.metadata = d
	})
}

func (c *clientConfig) wrong(what string) { c.problems = append(c.problems, errors.New(what)) }

// options translates the configuration for the client library.
func (c *clientConfig) options(log *slog.Logger) []kgo.Opt {
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.brokers...),
		kgo.ClientID(c.id),
		kgo.MetadataMinAge(c.metadata),
		kgo.MetadataMaxAge(max(5*time.Minute, c.metadata)),
		kgo.DisableClientMetrics(),
		kgo.RetryBackoffFn(backoff),
		kgo.WithLogger(logger{log}),
	}
	if c.tls != nil {
		opts = append(opts, kgo.DialTLSConfig(c.tls.Clone()))
	}
	if c.sasl != nil {
		opts = append(opts, kgo.SASL(c.sasl))
	}
	return opts
}

// backoff waits 100 ms after the first failure, twice as long after each
// further one, and never more than 2 s: a broker that is back is found soon.
func backoff(fails int) time.Duration {
	return min(100*time.Millisecond<<min(max(fails-1, 0), 5), 2*time.Second)
}

// logger shows the client's complaints as details: what matters to the user
// comes as an error or in a line of our own.
type logger struct{ log *slog.Logger }

func (l logger) Level() kgo.LogLevel {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelWarn
	}
	return kgo.LogLevelNone
}

func (l logger) Log(_ kgo.LogLevel, msg string, keyvals ...any) {
	l.log.Debug("kafka client: "+msg, keyvals...)
}
