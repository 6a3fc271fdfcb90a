package kafka_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/connector/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestSourceRefusals(t *testing.T) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 1)
	send(t, addr, numbers(topic, 0, 3, 1))
	nobody := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	_, secured := cluster(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "me", "secret"))
	strict, refusing := cluster(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "me", "secret"))
	strict.ControlKey(int16(kmsg.SASLAuthenticate), func(req kmsg.Request) (kmsg.Response, error, bool) { // as Kafka does it
		strict.KeepControl()
		resp := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
		return resp, nil, true
	})
	curt := server(t, func(conn net.Conn) { conn.Close() })
	mute := server(t, func(net.Conn) {})
	short := kafka.ConnectTimeout(300 * time.Millisecond)
	for _, c := range []struct {
		name    string
		topic   string
		options []kafka.SourceOption
		want    []string
	}{
		{"no broker", topic, []kafka.SourceOption{kafka.Brokers(nobody), short}, []string{nobody, "refused", "afflux broker", "kafka.Brokers"}},
		{"unknown topic", "clicks", []kafka.SourceOption{kafka.Brokers(addr)}, []string{`topic "clicks" does not exist`, topic, "--create --topic clicks"}},
		{"wrong password", topic, []kafka.SourceOption{kafka.Brokers(refusing), kafka.Plain("me", "guess")}, []string{"refused the login", refusing}},
		{"wrong password, and the broker hangs up", topic, []kafka.SourceOption{kafka.Brokers(secured), kafka.Plain("me", "guess"), short}, []string{secured, "hangs up", "user or password"}},
		{"no password", topic, []kafka.SourceOption{kafka.Brokers(secured), short}, []string{secured, "hangs up", "a login"}},
		{"wrong mechanism", topic, []kafka.SourceOption{kafka.Brokers(refusing), kafka.ScramSHA512("me", "secret")}, []string{"refused the login"}},
		{"encryption unknown to the broker", topic, []kafka.SourceOption{kafka.Brokers(curt), kafka.TLS(&tls.Config{InsecureSkipVerify: true}), short}, []string{curt, "hangs up", "kafka.TLS"}},
		{"encryption, and the broker says nothing", topic, []kafka.SourceOption{kafka.Brokers(mute), kafka.TLS(nil), short}, []string{mute, "kafka.TLS"}},
		{"offset out of range", topic, []kafka.SourceOption{kafka.Brokers(addr), kafka.StartOffsets(map[string]map[int32]int64{topic: {0: 9}})}, []string{topic + "/0", "offset 9", "0 to 3", "OnOutOfRange"}},
		{"offsets of another topic", topic, []kafka.SourceOption{kafka.StartOffsets(map[string]map[int32]int64{"x": {0: 9}})}, []string{`names topic "x"`}},
		{"committed without group", topic, []kafka.SourceOption{kafka.StartCommitted()}, []string{"kafka.StartCommitted needs kafka.Group"}},
		{"balanced without group", topic, []kafka.SourceOption{kafka.Balanced()}, []string{"kafka.Balanced needs kafka.Group"}},
		{"balanced and bounded", topic, []kafka.SourceOption{kafka.Balanced(), kafka.Group("g"), kafka.UntilLatest()}, []string{"UntilLatest does not go with kafka.Balanced"}},
		{"a topic twice", topic, []kafka.SourceOption{kafka.Topics(topic)}, []string{"named twice"}},
		{"no brokers", topic, []kafka.SourceOption{kafka.Brokers()}, []string{"at least one host:port"}},
		{"tiny buffer, and heartbeats too slow", topic, []kafka.SourceOption{kafka.Buffer(1), kafka.Group("g"), kafka.Balanced(), kafka.HeartbeatInterval(time.Minute)}, []string{"kafka.Buffer of 1", "HeartbeatInterval must be shorter"}},
		{"codec of another type", topic, []kafka.SourceOption{kafka.Codec(codec.String())}, []string{"does not hold records of type kafka_test.number"}},
		{"decoder of another type", topic, []kafka.SourceOption{kafka.Decode(func(*kafka.Message, *string) error { return nil })}, []string{"the source yields kafka_test.number"}},
	} {
		var e engine
		r, err := kafka.Source[number](c.topic, append(c.options, fast)...).Open(within(t), e.subtask(0, 1))
		if err == nil {
			r.Close()
			t.Errorf("%s: it opened", c.name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q lacks %q", c.name, err, want)
			}
		}
	}
}

// server gives connections to serve and closes them at the end of the test.
func server(t *testing.T, serve func(net.Conn)) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			serve(conn)
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return ln.Addr().String()
}

func TestLogins(t *testing.T) {
	for mechanism, login := range map[string]kafka.Option{
		"PLAIN":         kafka.Plain("me", "secret"),
		"SCRAM-SHA-256": kafka.ScramSHA256("me", "secret"),
		"SCRAM-SHA-512": kafka.ScramSHA512("me", "secret"),
	} {
		c, addr := cluster(t, kfake.EnableSASL(), kfake.Superuser(mechanism, "me", "secret"))
		topic := newTopic(t, c, 1)
		src := kafka.Source[number](topic, kafka.Brokers(addr), login, kafka.UntilLatest(), fast)
		if got := read(t, src); len(got) != 0 {
			t.Errorf("%s: read %v from an empty topic", mechanism, got)
		}
	}
}

func TestSinkRefusals(t *testing.T) {
	c, addr := cluster(t)
	topic := newTopic(t, c, 1)
	for _, c := range []struct {
		name    string
		topic   string
		options []kafka.SinkOption
		want    string
	}{
		{"unknown topic", "clicks", nil, `topic "clicks" does not exist`},
		{"key of another type", topic, []kafka.SinkOption{kafka.Key(func(*string) []byte { return nil })}, "the sink takes kafka_test.number"},
		{"key and encoder", topic, []kafka.SinkOption{kafka.Key(func(*number) []byte { return nil }), kafka.Encode(func(*number, *kafka.Message) error { return nil })}, "does not go with kafka.Encode"},
		{"no name", "", nil, "no name"},
		{"batch too small", topic, []kafka.SinkOption{kafka.BatchBytes(3)}, "kafka.BatchBytes of 3"},
		{"replication that the cluster cannot have", "new", []kafka.SinkOption{kafka.CreateTopic(1, 9)}, `cannot create topic "new"`},
	} {
		var e engine
		w, err := kafka.Sink[number](c.topic, append(c.options, kafka.Brokers(addr), fast)...).Open(within(t), e.subtask(0, 1))
		if err == nil {
			w.Close()
			t.Errorf("%s: it opened", c.name)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q lacks %q", c.name, err, c.want)
		}
	}
}
