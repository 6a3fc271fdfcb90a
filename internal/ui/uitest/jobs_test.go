package uitest

import (
	"fmt"
	"math"
	"time"
)

// operator is an operator of a made-up job.
func operator(id int, name, kind string, chain, parallelism int, more object) object {
	o := object{
		"id": id, "name": name, "kind": kind, "chain": chain, "parallelism": parallelism, "outside": "",
		"in": 118e3, "out": 118e3, "busy": 0.4, "idle": 0.6, "blocked": 0.0, "external": 0.0, "own": 0.3, "max_own": 0.35, "hottest": 0,
		"level": "OK", "lag": nil, "lag_growth": nil, "watermark_delay_seconds": 4.2, "late": 0, "dead_lettered": 0, "skipped": 0,
		"state_bytes": nil, "finished": false,
	}
	for k, v := range more {
		o[k] = v
	}
	return o
}

func edge(from, to int, kind string, more object) object {
	e := object{
		"from": from, "to": to, "kind": kind, "records_per_second": 118e3, "bytes_per_second": 6.1e6, "blocked": 0.0,
		"in_flight_bytes": 48 << 10, "window_bytes": 256 << 10, "bound_bytes": 2 << 20, "pressure_starts": false,
	}
	for k, v := range more {
		e[k] = v
	}
	return e
}

// clicks is a made-up job; with pressed its sink waits for its broker, and a key
// is hot.
func clicks(pressed bool) func(tick int) object {
	return func(tick int) object {
		w := 1 + 0.03*math.Sin(float64(tick)/3)
		findings := []object{}
		blocked, level, busySink, starts := 0.0, "OK", 0.32, false
		rate, lag := 118e3*w, 1210.0
		if pressed {
			blocked, level, busySink, starts = 0.74, "HIGH", 0.99, true
			rate, lag = 41e3*w, 86e3+4100*float64(tick)
			findings = []object{
				{"operator": "hot-items", "subtask": -1, "cause": "sink", "words": "waiting for the system it writes to", "severity": "critical",
					"evidence": "waits 91 % of the time for kafka hot-items; 41.2 k records/s in; count is blocked by it 74 % of the time",
					"remedy":   `give that system room, write larger batches, or raise Parallelism on "hot-items" (now 2) if it takes more writers`,
					"avoid":    `larger buffers only delay this; "count" is merely blocked, do not scale it`},
				{"operator": "count", "subtask": 3, "cause": "skew", "words": "one hot subtask", "severity": "warning",
					"evidence": "subtask 3 works 71 % of the time, the 3 others 24 %; key item-00017 has 38 % of the records",
					"remedy":   `spread the load before "count": a finer key, or partial results per salted key`,
					"avoid":    "more parallelism does not divide one key"},
			}
		}
		keys := []object{{"key": "item-00017", "share": 0.38, "error": 0.012}, {"key": "item-00004", "share": 0.071, "error": 0.01}, {"key": "item-01211", "share": 0.022, "error": 0.008}}
		return object{
			"job":    object{"name": "hot-items", "state": "running", "restarts": 1},
			"health": object{"healthy": !pressed, "findings": findings},
			"memory": object{"in_flight_bytes": 1.9e6, "in_flight_bound_bytes": 14 << 20, "peak_in_flight_bytes": 6 << 20, "heap_bytes": 74e6 * w,
				"limit_bytes": 512 << 20, "gc_share": 0.031, "cpu": 2.62 * w, "processors": 4},
			"operators": []object{
				operator(0, "clicks", "source", 0, 4, object{"outside": "kafka clicks", "out": rate, "in": 0, "lag": lag, "lag_growth": 0.0, "busy": 0.22, "idle": 0.78 - blocked, "blocked": blocked, "level": level, "own": 0.15}),
				operator(1, "parse", "map", 0, 4, object{"in": rate, "out": rate, "busy": 0.22, "idle": 0.78 - blocked, "blocked": blocked, "level": level, "own": 0.07, "dead_lettered": 1412}),
				operator(2, "profiles", "source", 1, 1, object{"outside": "kafka profiles", "out": 812.0, "in": 0, "lag": 0.0, "busy": 0.02, "idle": 0.98, "own": 0.02}),
				operator(3, "enrich", "async", 2, 4, object{"in": rate, "out": rate * 0.98, "busy": 0.24, "idle": 0.76 - blocked, "blocked": blocked, "level": level, "external": 0.12, "own": 0.21, "outside": "profile service"}),
				operator(4, "count", "window", 3, 4, object{"in": rate, "out": 5200 * w, "busy": 0.255, "idle": 0.745 - blocked, "blocked": blocked, "level": level, "own": 0.36, "max_own": 0.71, "hottest": 3, "state_bytes": 48e6, "late": 37}),
				operator(5, "format", "map", 4, 2, object{"in": 5200 * w, "out": 5200 * w, "busy": busySink, "idle": 1 - busySink, "own": 0.05}),
				operator(6, "hot-items", "sink", 4, 2, object{"outside": "kafka hot-items", "in": 5200 * w, "out": 0, "busy": busySink, "idle": 1 - busySink, "own": busySink - 0.05, "external": busySink - 0.08}),
				operator(7, "archive", "sink", 5, 1, object{"outside": "file archive/", "in": rate, "out": 0, "busy": 0.19, "idle": 0.81, "own": 0.19, "external": 0.11}),
			},
			"edges": []object{
				edge(0, 1, "chained", object{"bytes_per_second": nil, "in_flight_bytes": 0, "bound_bytes": 0}),
				edge(1, 3, "rebalance", object{"records_per_second": rate, "blocked": blocked}),
				edge(1, 7, "rebalance", object{"records_per_second": rate, "blocked": 0.03}),
				edge(2, 3, "broadcast", object{"records_per_second": 812.0, "in_flight_bytes": 1200}),
				edge(3, 4, "hash", object{"records_per_second": rate * 0.98, "blocked": blocked, "hot_keys": keys, "in_flight_bytes": 900 << 10}),
				edge(4, 5, "rebalance", object{"records_per_second": 5200 * w, "blocked": blocked, "pressure_starts": starts, "in_flight_bytes": 1 << 20, "bound_bytes": 1 << 20}),
				edge(5, 6, "chained", object{"bytes_per_second": nil, "in_flight_bytes": 0, "bound_bytes": 0}),
			},
			"latencies": []object{
				{"from": 0, "to": 6, "kind": "marker", "count": 5821, "p50_ms": 1.31, "p99_ms": 8.42, "p999_ms": 21.7, "max_ms": 44.1},
				{"from": 0, "to": 7, "kind": "marker", "count": 5820, "p50_ms": 0.42, "p99_ms": 2.9, "p999_ms": 7.1, "max_ms": 12.9},
				{"from": -1, "to": 6, "kind": "event_time", "count": 312000, "p50_ms": 10200.0, "p99_ms": 14100.0, "p999_ms": 15300.0, "max_ms": 16020.0},
			},
			"checkpoints":  object{"completed": 539, "failed": 1, "in_progress": 1, "failed_since_last": 0},
			"dead_letters": 1412,
		}
	}
}

// clicksDetail has subtask 3 work much more than the others.
func clicksDetail(id int) object {
	subtasks := []object{}
	names := []string{"clicks", "parse", "profiles", "enrich", "count", "format", "hot-items", "archive"}
	for i := range 4 {
		own := 0.24 + 0.02*float64(i)
		if i == 3 {
			own = 0.71
		}
		subtasks = append(subtasks, object{
			"index": i, "state": "running", "in": 29e3 * (own + 0.5), "out": 1300.0, "busy": own, "idle": 0.93 - own, "blocked": 0.07, "external": 0.0, "own": own,
			"watermark_delay_seconds": 4.1 + float64(i)/10, "lag": nil, "late": i * 3, "dead_lettered": 0, "skipped": 0, "state_bytes": 12e6 * (own + 0.5), "state_share": 0.12,
			"calls_in_flight": 38 + i, "call_limit": 50, "splits": nil, "counters": object{"retries": 12 + i, "throttled": 0}, "gauges": []object{},
		})
	}
	return object{"id": id, "name": names[id], "kind": "window", "outside": "", "subtasks": subtasks}
}

func checkpoints(now time.Time) object {
	history := []object{}
	for i := range 16 {
		began := now.Add(-time.Duration(i)*10*time.Second - 3*time.Second)
		r := object{"id": 540 - i, "kind": "checkpoint", "state": "complete", "phase": "complete", "began": began.Format(time.RFC3339Nano),
			"duration_ns": (640 + 37*(i%5)) * 1e6, "bytes": 49e6 + float64(i)*1e5, "in_flight_bytes": 0, "max_start_delay_ns": 21 * 1e6, "max_alignment_ns": (40 + 60*(i%3)) * 1e6,
			"max_sync_ns": 9 * 1e6, "max_async_ns": (380 + 30*(i%5)) * 1e6, "expected_subtasks": 16, "subtasks": []object{}}
		switch i {
		case 0:
			r["state"], r["phase"], r["duration_ns"], r["bytes"] = "in_progress", "waiting for subtasks", 210*1e6, 0
		case 6:
			r["state"], r["phase"], r["reason"] = "failed", "failed", "subtask count 3 did not acknowledge within 1 min"
		}
		history = append(history, r)
	}
	return object{"totals": object{"completed": 539, "failed": 1, "in_progress": 1, "failed_since_last": 0}, "history": history}
}

func deadLetters(now time.Time) object {
	last := []object{}
	for i := range 5 {
		last = append(last, object{"at": now.Add(-time.Duration(i*7) * time.Second).Format(time.RFC3339Nano), "operator": "parse", "subtask": i % 4,
			"origin": fmt.Sprintf("clicks/%d@%d", i, 88120+i), "reason": `invalid character '<' looking for beginning of value`, "value": `<html><body>504 Gateway Timeout</body></html>`})
	}
	return object{"total": 1412, "values_shown": true, "last": last,
		"reasons": []object{{"operator": "parse", "reason": "invalid character '<' looking for beginning of value", "count": 1409}, {"operator": "parse", "reason": "unexpected end of JSON input", "count": 3}}}
}

func flame(operator string) object {
	leaf := func(name string, ms float64) object { return object{"name": name, "ms": ms} }
	return object{"seconds": 5, "total_ms": 4100.0, "root": object{"name": operator, "ms": 4100.0, "children": []object{
		{"name": operator, "ms": 4100.0, "children": []object{
			{"name": "task.(*Task).loop", "ms": 4020.0, "children": []object{
				{"name": "transform.(*Window[...]).Process", "ms": 3100.0, "children": []object{
					leaf("memory.(*Table[...]).Update[...].func1", 1900), leaf("shop.(*Click).Add", 700), leaf("runtime.mallocgc", 210)}},
				{"name": "exchange.(*Sender).Send", "ms": 600.0, "children": []object{leaf("runtime.futex", 220)}},
			}},
		}},
	}}}
}

// wide is a job of 200 operators with 16 subtasks each: 20 lines of 10.
func wide(tick int) object {
	const lines, length = 20, 10
	operators, edges := []object{}, []object{}
	for l := range lines {
		for i := range length {
			id := l*length + i
			busy := 0.5 + 0.4*math.Sin(float64(id+tick)/5)
			kind := "map"
			if i == 0 {
				kind = "source"
			} else if i == length-1 {
				kind = "sink"
			}
			operators = append(operators, operator(id, fmt.Sprintf("line-%02d-step-%d", l, i), kind, id, 16, object{"busy": busy, "idle": 1 - busy, "own": busy, "in": 1e5 * busy, "out": 1e5 * busy}))
			if i > 0 {
				edges = append(edges, edge(id-1, id, "hash", object{"records_per_second": 1e5 * busy, "blocked": 0.0}))
			}
			if i == 5 && l > 0 { // neighbours meet
				edges = append(edges, edge(id-length-1, id, "rebalance", nil))
			}
		}
	}
	o := clicks(false)(tick)
	o["operators"], o["edges"], o["latencies"] = operators, edges, []object{}
	return o
}

func wideDetail(id int) object {
	d := clicksDetail(4)
	subtasks := []object{}
	for i := range 16 {
		s := object{}
		for k, v := range d["subtasks"].([]object)[i%4] {
			s[k] = v
		}
		s["index"] = i
		subtasks = append(subtasks, s)
	}
	return object{"id": id, "name": fmt.Sprintf("line-%02d-step-%d", id/10, id%10), "kind": "map", "outside": "", "subtasks": subtasks}
}
