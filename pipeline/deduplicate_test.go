package pipeline

import (
	"strings"
	"testing"
)

// visits is a source of visits of users, out of order.
const visits = `
sources:
  in: { file: { path: "${DIR}/in.csv" }, columns: { at: time, user: string, n: int }, event_time: { column: at, out_of_orderness: 1d } }
`

func TestDeduplicate(t *testing.T) {
	b := newBench(t)
	b.write("in.csv", `at,user,n
2026-01-01 10:00:00,a,1
2026-01-01 09:00:00,a,2
2026-01-01 08:00:00,b,3
2026-01-01 11:00:00,a,4
2026-01-01 08:00:00,b,3
`)
	for options, want := range map[string][]string{
		"key: user":                                   {"2026-01-01 10:00:00,a,1", "2026-01-01 08:00:00,b,3"},
		"key: user, within: 10m":                      {"2026-01-01 10:00:00,a,1", "2026-01-01 08:00:00,b,3"},
		"key: [user, n], within: 0":                   {"2026-01-01 10:00:00,a,1", "2026-01-01 09:00:00,a,2", "2026-01-01 08:00:00,b,3", "2026-01-01 11:00:00,a,4"},
		`key: 'user == "a" ? n % 2 : 7'`:              {"2026-01-01 10:00:00,a,1", "2026-01-01 09:00:00,a,2", "2026-01-01 08:00:00,b,3"},
		"key: user, keep: first":                      {"2026-01-01 09:00:00,a,2", "2026-01-01 08:00:00,b,3"},
		"key: user, keep: last":                       {"2026-01-01 10:00:00,a,1", "2026-01-01 11:00:00,a,4", "2026-01-01 08:00:00,b,3", "2026-01-01 08:00:00,b,3"},
		`key: "[user, n]", keep: arrival, within: 2d`: {"2026-01-01 10:00:00,a,1", "2026-01-01 09:00:00,a,2", "2026-01-01 08:00:00,b,3", "2026-01-01 11:00:00,a,4"},
	} {
		for _, parallelism := range []int{1, 3} {
			b.mustRun(visits+`
steps:
  - { name: once, deduplicate: { `+options+` } }
sinks:
  out: { file: { path: "${DIR}/out.csv" } }
`, parallelism)
			b.equal(b.sorted("out.csv"), append([]string{"at,user,n"}, want...)...)
		}
	}
}

// TestAnyOrder accepts what is refused without it.
func TestAnyOrder(t *testing.T) {
	b := newBench(t)
	b.write("in.csv", "at,user,n\n2026-01-01 10:00:00,a,1\n2026-01-01 10:00:01,a,1\n")
	job := func(option string) string {
		return visits + `
steps:
  - { name: ways, split: { odd: n % 2 == 1, even: else } }
  - { name: slow, from: ways.odd, set: { n: n + 0 } }
  - { name: all, union: [slow, ways.even] }
  - { name: once, deduplicate: { key: n }` + option + ` }
sinks:
  out: { from: once, file: { path: "${DIR}/out.csv", columns: n } }
`
	}
	if err := b.run(job(""), 2); err == nil || !strings.Contains(err.Error(), "AnyOrder") {
		t.Errorf("error is %v, want one about the order", err)
	}
	b.mustRun(job(", any_order: true"), 2)
	b.equal(b.sorted("out.csv"), "1", "n")
}
