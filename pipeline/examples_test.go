package pipeline

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/affluxdev/afflux"
)

// lines reads a compressed file.
func lines(t *testing.T, path string) []string {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

// hourly is the answer to examples/flight-delays.yaml as DuckDB computed it.
func hourly(t *testing.T) []string {
	out := lines(t, "../examples/data/flights-100k-hourly.csv.gz")
	if len(out) != 14_586 {
		t.Fatalf("the expected result has %d lines", len(out))
	}
	slices.Sort(out)
	return out
}

// example runs a pipeline of examples/ with settings.
func (b *bench) example(name string, parallelism int, lookup map[string]string, set ...string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
	defer cancel()
	path := filepath.Join("../examples", name)
	p, err := LoadFile(path, Options{Set: set, Lookup: func(name string) (string, bool) {
		v, ok := lookup[name]
		return v, ok
	}})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	if err := p.Build(afflux.OverrideParallelism(parallelism)).Run(ctx); err != nil {
		b.Fatalf("%s: %v", name, err)
	}
}

const flightsFile = "sources.flights.file.path=../examples/data/flights-100k.csv.gz"

// some is all of the parallelisms, or with -short the last.
func some(all ...int) []int {
	if testing.Short() {
		return all[len(all)-1:]
	}
	return all
}

func TestFlightDelays(t *testing.T) {
	b := newBench(t)
	want := hourly(t)
	out := filepath.Join(b.dir, "out.csv")
	for _, parallelism := range some(1, 2, 7) {
		b.example("flight-delays.yaml", parallelism, nil, flightsFile, "sinks.out.file.path="+out)
		if got := b.sorted("out.csv"); !slices.Equal(got, want) {
			t.Errorf("parallelism %d: %d rows that are not the %d expected", parallelism, len(got), len(want))
		}
	}
}

func TestFlightDelaysThroughKafka(t *testing.T) {
	b := newBench(t)
	flights, want := flightsFile, []string(nil)
	out := filepath.Join(b.dir, "out.csv")
	if testing.Short() { // a fifth, and the answer that TestFlightDelays checks
		flights = "sources.flights.file.path=" + filepath.Join(b.dir, "flights.csv")
		b.write("flights.csv", strings.Join(lines(t, "../examples/data/flights-100k.csv.gz")[:20_001], "\n")+"\n")
		b.example("flight-delays.yaml", 1, nil, flights, "sinks.out.file.path="+out)
		want = b.sorted("out.csv")
	} else {
		want = hourly(t)
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	env := map[string]string{"BROKER": cluster.ListenAddrs()[0]}
	for _, form := range []struct {
		topic, format, partitions string
		parallelism               []int
	}{{"one", "csv", "1", some(1, 7, 2)}, {"four", "json", "4", []int{3}}} {
		env["TOPIC"] = form.topic
		format := ".kafka.format=" + form.format
		b.example("flights-to-kafka.yaml", 1, env, flights, "sinks.topic"+format, "sinks.topic.kafka.create_partitions="+form.partitions)
		for _, parallelism := range form.parallelism {
			b.example("flight-delays-kafka.yaml", parallelism, env, "sources.flights"+format, "sinks.out.file.path="+out)
			if got := b.sorted("out.csv"); !slices.Equal(got, want) {
				t.Errorf("%s, parallelism %d: %d rows that are not the %d expected", form.format, parallelism, len(got), len(want))
			}
		}
	}
}

func TestAvroThroughKafka(t *testing.T) {
	b := newBench(t)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	b.write("in.csv", "s,n,f,b,t\nx,1,1.5,true,2026-01-02 03:04:05\ny,,2.0,false,2026-01-02 03:04:06\n")
	b.write("schema.avsc", `{"type":"record","name":"r","fields":[{"name":"s","type":"string"},{"name":"n","type":["null","long"]},
		{"name":"f","type":"double"},{"name":"b","type":"boolean"},{"name":"t","type":{"type":"long","logicalType":"timestamp-millis"}}]}`)
	kafka := `kafka: { brokers: ` + cluster.ListenAddrs()[0] + `, topic: avro, format: avro, schema_file: "${DIR}/schema.avsc"`
	columns := `columns: { s: string, n: int, f: float, b: bool, t: time }`
	b.mustRun("sources:\n  file: { file: { path: '${DIR}/in.csv' }, "+columns+" }\nsinks:\n  out: { "+kafka+", create_partitions: 1, key: s } }\n", 1)
	b.mustRun("sources:\n  topic: { "+kafka+", until_latest: true }, "+columns+" }\nsinks:\n  out: { file: { path: '${DIR}/out.csv' } }\n", 1)
	if got, want := b.read("out.csv"), b.read("in.csv"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestKeyThatFails refuses the record instead of sending it without a key.
func TestKeyThatFails(t *testing.T) {
	b := newBench(t)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	b.write("in.csv", "n\n0\n1\n2\n")
	b.mustRun(`
sources:
  in: { file: { path: "${DIR}/in.csv" }, columns: { n: int } }
sinks:
  out: { kafka: { brokers: "`+cluster.ListenAddrs()[0]+`", topic: keys, create_partitions: 3, key: "10 % n" }, on_error: dead_letter }
dead_letters: { file: { path: "${DIR}/letters.jsonl" } }
`, 1)
	if letters := b.read("letters.jsonl"); strings.Count(letters, "\n") != 1 || !strings.Contains(letters, `{\"n\":0}`) {
		t.Errorf("dead letters:\n%s", letters)
	}
	b.mustRun(`
sources:
  in: { kafka: { brokers: "`+cluster.ListenAddrs()[0]+`", topic: keys, until_latest: true }, columns: { n: int } }
sinks:
  out: { file: { path: "${DIR}/out.csv", header: false } }
`, 1)
	b.equal(b.sorted("out.csv"), "1", "2")
}

func TestSlowRequests(t *testing.T) {
	b := newBench(t)
	b.example("slow-requests.yaml", 1, map[string]string{"REQUESTS": "../examples/data/requests.jsonl", "REJECTED": filepath.Join(b.dir, "rejected.jsonl")},
		"sinks.out={from: shape, file: {path: "+filepath.Join(b.dir, "out.jsonl")+"}}")
	if got := b.read("out.jsonl"); got != `{"at":"2026-11-20T08:00:02Z","page":"/checkout","status":200,"seconds":0.812,"user":"ben"}
{"at":"2026-11-20T08:00:03Z","page":"/products","status":500,"seconds":0.031,"user":"anonymous"}
{"at":"2026-11-20T08:00:05Z","page":"/search","status":200,"seconds":1.491,"user":"anonymous"}
` {
		t.Error(got)
	}
	rejected := b.read("rejected.jsonl")
	for _, line := range []string{"requests.jsonl:4", "requests.jsonl:6"} {
		if !strings.Contains(rejected, line) {
			t.Errorf("no %s in\n%s", line, rejected)
		}
	}
}

// TestHotItems compares the windows of the example with a count over the same
// clicks, taken from the pipeline's own source.
func TestHotItems(t *testing.T) {
	b := newBench(t)
	clicks, least := 20_000, 25
	if testing.Short() {
		clicks, least = 6000, 8
	}
	env := map[string]string{"CLICKS": fmt.Sprint(clicks), "HOT": fmt.Sprint(least)}
	b.example("hot-items.yaml", 2, env, "sinks.out={from: hot, file: {path: "+filepath.Join(b.dir, "out.csv")+", columns: [window_end, item, clicks, users]}}")
	b.example("hot-items.yaml", 1, env, "sources.clicks.parallelism=1", "sinks.raw={from: clicks, file: {path: "+filepath.Join(b.dir, "clicks.csv")+", header: false}}",
		"sinks.out={from: hot, blackhole: {}}")
	counts, users := map[string]int{}, map[string]map[string]bool{}
	for _, line := range b.sorted("clicks.csv") {
		f := strings.Split(line, ",")
		at, err := time.Parse("2006-01-02 15:04:05", f[2])
		if err != nil {
			t.Fatal(err)
		}
		end := at.Truncate(10 * time.Second).Add(10 * time.Second)
		for range 6 { // each click is in six windows
			key := end.Format("2006-01-02 15:04:05") + "," + f[0]
			counts[key]++
			if users[key] == nil {
				users[key] = map[string]bool{}
			}
			users[key][f[1]] = true
			end = end.Add(10 * time.Second)
		}
	}
	want := []string{"window_end,item,clicks,users"}
	for key, n := range counts {
		if n >= least {
			want = append(want, fmt.Sprintf("%s,%d,%d", key, n, len(users[key])))
		}
	}
	if len(want) < 100 {
		t.Fatalf("only %d hot items", len(want))
	}
	b.equal(b.sorted("out.csv"), want...)
}
