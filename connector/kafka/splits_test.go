package kafka_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/kafka"
)

// TestMembersWithoutPartitions: a member to whom the group has given nothing
// says so, and one that has not been told yet says neither.
func TestMembersWithoutPartitions(t *testing.T) {
	c, addr := cluster(t, kfake.GroupMinSessionTimeout(100*time.Millisecond))
	topic := newTopic(t, c, 1)
	src := kafka.Source[number](topic, kafka.Brokers(addr), fast, kafka.Group("g"), kafka.Balanced(),
		kafka.SessionTimeout(5*time.Second), kafka.HeartbeatInterval(50*time.Millisecond))
	splits := 0
	for i := range 2 {
		h := openReader(t, src, i, 2)
		defer h.close()
		var list []int
		for deadline := time.After(patience); list == nil; {
			if list = h.r.(connector.SplitLister).Splits(); list != nil {
				break
			}
			select {
			case <-h.wakes:
			case <-deadline:
				t.Fatalf("member %d was not told what is its own", i)
			}
		}
		splits += len(list)
	}
	if splits != 1 {
		t.Errorf("two members have %d splits", splits)
	}
}
