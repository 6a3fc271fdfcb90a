package kafka

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// retentionEvery is the time between two questions about how long topics keep
// their records.
const retentionEvery = time.Minute

// retention is how long topics keep their records, as far as the brokers say.
type retention struct {
	asked time.Time
	of    map[string]time.Duration // without topics that keep them for ever
}

// askRetention asks once a minute. Without an answer, as without the right to
// ask, nothing is known.
func (r *reader[T]) askRetention(ctx context.Context, kept *retention) {
	if !kept.asked.IsZero() && time.Since(kept.asked) < retentionEvery {
		return
	}
	kept.asked, kept.of = time.Now(), map[string]time.Duration{}
	ctx, cancel := context.WithTimeout(ctx, staleAfter)
	defer cancel()
	topics, err := r.admin.DescribeTopicConfigs(ctx, r.config.topics...)
	if err != nil {
		r.sub.Log.Debug("no answer about the retention of topics", "err", err)
	}
	for _, t := range topics {
		if t.Err != nil {
			r.sub.Log.Debug("no answer about the retention of a topic", "topic", t.Name, "err", t.Err)
			continue
		}
		settings := map[string]string{}
		for _, c := range t.Configs {
			settings[c.Key] = c.MaybeValue()
		}
		if d, ok := keeps(settings["cleanup.policy"], settings["retention.ms"]); ok {
			kept.of[t.Name] = d
		}
	}
}

// keeps is how long a topic with these settings keeps records, false if it
// deletes none for their age.
func keeps(policy, ms string) (time.Duration, bool) {
	if policy != "" && !strings.Contains(policy, "delete") {
		return 0, false
	}
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil || n < 0 {
		return 0, false
	}
	const longest = int64(1<<63-1) / int64(time.Millisecond)
	return time.Duration(min(n, longest)) * time.Millisecond, true
}
