package realkafka

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// startLimit is how long a broker may take until it answers.
	startLimit = 90 * time.Second
	// stopLimit is how long a broker may take to stop before it is killed.
	stopLimit = 20 * time.Second
)

// Broker is an Apache Kafka in a process of its own. Its methods may be called
// from any goroutine, one at a time.
type Broker struct {
	dir, java, libs string
	addr            string

	mu     sync.Mutex
	cmd    *exec.Cmd     // nil when no process runs
	exited chan struct{} // closed when cmd has ended
	paused bool
}

// Start runs a broker that keeps its data, configuration and log (kafka.log) in
// a directory, and returns when it answers. The directory is empty, or one that
// a Broker has used; then it goes on with the same topics at the same address.
// Properties are added to the broker's configuration. An error that wraps
// ErrMissing says what must be installed. The process outlives ctx: call Stop.
func Start(ctx context.Context, dir string, properties map[string]string) (*Broker, error) {
	if !supported {
		return nil, fmt.Errorf("%w: it needs a Unix", ErrMissing)
	}
	b := &Broker{dir: dir}
	var err error
	if b.java, err = java(ctx); err != nil {
		return nil, err
	}
	if b.libs, err = jars(ctx); err != nil {
		return nil, err
	}
	if b.dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("realkafka: %w", err)
	}
	if err := b.configure(ctx, properties); err != nil {
		return nil, err
	}
	if err := b.start(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

// Addr is the host:port that clients connect to. It stays the same.
func (b *Broker) Addr() string { return b.addr }

// Pid is the id of the process, 0 if none runs.
func (b *Broker) Pid() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cmd == nil {
		return 0
	}
	return b.cmd.Process.Pid
}

func (b *Broker) path(name string) string { return filepath.Join(b.dir, name) }

// configure writes the configuration and formats the storage, unless an earlier
// broker has.
func (b *Broker) configure(ctx context.Context, properties map[string]string) error {
	addr, err := os.ReadFile(b.path("address"))
	if err == nil {
		b.addr = string(addr)
		return nil
	}
	ports, err := freePorts(2)
	if err != nil {
		return fmt.Errorf("realkafka: %w", err)
	}
	b.addr = ports[0]
	all := map[string]string{
		"process.roles":                    "broker,controller",
		"node.id":                          "1",
		"controller.quorum.voters":         "1@" + ports[1],
		"listeners":                        "PLAINTEXT://" + ports[0] + ",CONTROLLER://" + ports[1],
		"advertised.listeners":             "PLAINTEXT://" + ports[0],
		"controller.listener.names":        "CONTROLLER",
		"log.dirs":                         b.path("data"),
		"auto.create.topics.enable":        "false",
		"group.initial.rebalance.delay.ms": "0",
		// There is one node.
		"offsets.topic.replication.factor":                 "1",
		"offsets.topic.num.partitions":                     "1",
		"transaction.state.log.replication.factor":         "1",
		"transaction.state.log.min.isr":                    "1",
		"transaction.state.log.num.partitions":             "1",
		"share.coordinator.state.topic.replication.factor": "1",
		"share.coordinator.state.topic.min.isr":            "1",
		// Records of tests may be as old as they like: retention would delete them
		// half a minute after the start.
		"log.retention.ms": "-1",
		// A killed broker may register again soon, not after 9 s.
		"broker.session.timeout.ms":    "2000",
		"broker.heartbeat.interval.ms": "500",
		// Transactions that are over time are rolled back soon, not within 10 s.
		"transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
	}
	maps.Copy(all, properties)
	var text strings.Builder
	for _, k := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&text, "%s=%s\n", k, all[k])
	}
	const logging = `<Configuration status="ERROR"><Appenders><Console name="out"><PatternLayout pattern="%d{ISO8601} %p %c{1} %m%n"/></Console></Appenders>` +
		`<Loggers><Root level="INFO"><AppenderRef ref="out"/></Root></Loggers></Configuration>`
	err = errors.Join(
		os.MkdirAll(b.path("data"), 0o755),
		os.WriteFile(b.path("server.properties"), []byte(text.String()), 0o644),
		os.WriteFile(b.path("log4j2.xml"), []byte(logging), 0o644),
	)
	if err != nil {
		return fmt.Errorf("realkafka: %w", err)
	}
	var id [16]byte
	_, _ = rand.Read(id[:])
	id[0] &= 0x3f // no leading dash, which would look like a flag
	cmd := b.command(ctx, "kafka.tools.StorageTool", "format", "-t", base64.RawURLEncoding.EncodeToString(id[:]), "-c", b.path("server.properties"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("realkafka: cannot format the storage: %w: %s", err, last(out, 1500))
	}
	if err := os.WriteFile(b.path("address"), []byte(b.addr), 0o644); err != nil {
		return fmt.Errorf("realkafka: %w", err)
	}
	return nil
}

func (b *Broker) command(ctx context.Context, class string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.java, append([]string{
		"-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", // half the processor time of a start
		"-Dlog4j2.configurationFile=" + b.path("log4j2.xml"),
		"-cp", filepath.Join(b.libs, "*"), class,
	}, args...)...)
	cmd.Dir = b.dir
	return cmd
}

func freePorts(n int) ([]string, error) {
	var all []string
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer ln.Close()
		all = append(all, ln.Addr().String())
	}
	return all, nil
}

// start runs the process and waits until it answers.
func (b *Broker) start(ctx context.Context) error {
	log, err := os.OpenFile(b.path("kafka.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("realkafka: %w", err)
	}
	defer log.Close()
	cmd := b.command(context.WithoutCancel(ctx), "kafka.Kafka", b.path("server.properties"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("realkafka: %w", err)
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }()
	b.mu.Lock()
	b.cmd, b.exited, b.paused = cmd, exited, false
	b.mu.Unlock()
	if err := b.answers(ctx, exited); err != nil {
		return errors.Join(err, b.Kill())
	}
	return nil
}

// answers waits until the broker takes part in its cluster.
func (b *Broker) answers(ctx context.Context, exited <-chan struct{}) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.RequestRetries(0), kgo.DisableClientMetrics())
	if err != nil {
		return fmt.Errorf("realkafka: %w", err)
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		m, err := admin.BrokerMetadata(ctx)
		if err == nil && len(m.Brokers) == 1 {
			return nil
		}
		select {
		case <-tick.C:
			continue
		case <-exited:
			err = errors.New("its process has ended")
		case <-ctx.Done():
			err = errors.Join(ctx.Err(), err)
		}
		text, _ := os.ReadFile(b.path("kafka.log"))
		return fmt.Errorf("realkafka: the broker does not start: %w: ... %s", err, last(text, 1500))
	}
}

// Stop ends the broker in good order. A broker that does not run is no error.
func (b *Broker) Stop() error { return b.end(terminate) }

// Kill ends the broker at once, as by kill -9.
func (b *Broker) Kill() error { return b.end(os.Kill) }

func (b *Broker) end(signal os.Signal) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cmd == nil {
		return nil
	}
	err := b.cmd.Process.Signal(signal)
	if b.paused && signal != os.Kill {
		err = errors.Join(err, b.cmd.Process.Signal(resume))
	}
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	late := time.NewTimer(stopLimit)
	defer late.Stop()
	select {
	case <-b.exited:
	case <-late.C:
		err = errors.Join(err, fmt.Errorf("realkafka: the broker did not stop within %v and was killed", stopLimit), b.cmd.Process.Kill())
		<-b.exited
	}
	b.cmd = nil
	return err
}

// Restart stops the broker if it runs, and starts it again with what it has
// stored, at the same address. It returns when the broker answers.
func (b *Broker) Restart(ctx context.Context) error {
	if err := b.Stop(); err != nil {
		return err
	}
	return b.start(ctx)
}

// Pause stops the process from running, as by SIGSTOP: its connections stay open
// and nothing answers.
func (b *Broker) Pause() error { return b.signal(pause, true) }

// Resume lets a paused broker go on.
func (b *Broker) Resume() error { return b.signal(resume, false) }

func (b *Broker) signal(s os.Signal, paused bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cmd == nil {
		return errors.New("realkafka: the broker does not run")
	}
	if err := b.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("realkafka: %w", err)
	}
	b.paused = paused
	return nil
}
