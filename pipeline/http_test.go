package pipeline

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// service answers /users/ID: the first request of each user is throttled,
// "gone" is unknown, "big" is too long and "odd" has no JSON.
type service struct {
	mu   sync.Mutex
	seen map[string]int
	auth string
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user := strings.TrimPrefix(r.URL.EscapedPath(), "/users/")
	s.auth = r.Header.Get("Authorization")
	s.seen[user]++
	switch {
	case user == "gone":
		http.Error(w, "no such user", http.StatusNotFound)
	case user == "big":
		fmt.Fprintf(w, `{"name": %q}`, strings.Repeat("x", 5000))
	case user == "odd":
		fmt.Fprint(w, `<html>`)
	case s.seen[user] == 1:
		w.Header().Set("Retry-After", "0")
		http.Error(w, "slow down", http.StatusTooManyRequests)
	case user == "flaky" && s.seen[user] == 2:
		http.Error(w, "oops", http.StatusInternalServerError)
	default:
		fmt.Fprintf(w, `{"name": %q, "address": {"zip": 123}, "since": "2020-02-03", "q": %q}`, "Ms "+user, r.URL.Query().Get("q"))
	}
}

func TestHTTP(t *testing.T) {
	b := newBench(t)
	s := &service{seen: map[string]int{}}
	server := httptest.NewServer(s)
	defer server.Close()
	b.write("in.csv", "user,n\nann,1\ngone,2\na b/c,3\nbig,4\nflaky,5\nodd,6\n")
	b.mustRun(`
sources:
  in: { file: { path: "${DIR}/in.csv" }, columns: { user: string, n: int } }
steps:
  - name: ask
    http:
      url: "`+server.URL+`/users/{user}?q={string(n) + '&'}"
      headers: { Authorization: Bearer secret }
      columns: { name: string, zip: { type: int, from: address.zip }, since: time, q: string, none: int }
      retry: 1
      max_response: 4KiB
      in_flight: 2
    on_error: dead_letter
sinks:
  out: { file: { path: "${DIR}/out.csv", columns: [user, name, zip, since, q, none] } }
dead_letters: { file: { path: "${DIR}/letters.jsonl" } }
`, 1)
	if got := b.read("out.csv"); got != `user,name,zip,since,q,none
ann,Ms ann,123,2020-02-03 00:00:00,1&,
a b/c,Ms a%20b%2Fc,123,2020-02-03 00:00:00,3&,
flaky,Ms flaky,123,2020-02-03 00:00:00,5&,
` {
		t.Errorf("in the order of the input:\n%s", got)
	}
	letters := b.read("letters.jsonl")
	for _, want := range []string{"404", "no such user", "longer than 4096 bytes", "not JSON"} {
		if !strings.Contains(letters, want) {
			t.Errorf("no %q in\n%s", want, letters)
		}
	}
	if n := strings.Count(letters, "\n"); n != 3 {
		t.Errorf("%d dead letters, want 3:\n%s", n, letters)
	}
	if s.auth != "Bearer secret" || s.seen["gone"] != 1 {
		t.Errorf("authorization %q, %d requests for what is not there", s.auth, s.seen["gone"])
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for in, want := range map[string]time.Duration{
		"":                              0,
		"x":                             0,
		"-3":                            0,
		"7":                             7 * time.Second,
		"Fri, 02 Jan 2026 03:04:35 GMT": 30 * time.Second,
		"Fri, 02 Jan 2026 03:04:00 GMT": 0,
		"99999999":                      24 * time.Hour,
	} {
		if got := retryAfter(in, now); got != want {
			t.Errorf("%q: %v, want %v", in, got, want)
		}
	}
}
