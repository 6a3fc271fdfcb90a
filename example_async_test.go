package afflux_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/guard"
)

// get asks a web service. A busy one is asked again for as long as it takes,
// and a wrong question is not asked again.
func get(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", guard.Permanent(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	switch {
	case err != nil:
		return "", err
	case response.StatusCode == http.StatusTooManyRequests:
		return "", &guard.Throttled{Err: errors.New(response.Status)}
	case response.StatusCode == http.StatusNotFound:
		return "", guard.Permanent(errors.New(response.Status))
	case response.StatusCode != http.StatusOK:
		return "", errors.New(response.Status)
	}
	return string(body), nil
}

// Enrich records with what a web service knows, many calls at a time, with a
// limit of time and repetitions. Results keep the order of their records.
func ExampleStream_MapAsync() {
	var calls atomic.Int64
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			w.WriteHeader(http.StatusInternalServerError) // the first call fails
			return
		}
		_, _ = fmt.Fprintf(w, "%s lives in Ghent", r.URL.Query().Get("user"))
	}))
	defer service.Close()
	out := memory.Sink[string]()

	job := afflux.NewJob("profiles")
	afflux.From(job, "users", memory.Source([]string{"ann", "bob", "eve"}), afflux.Parallelism(1)).
		MapAsync("profile", func(ctx context.Context, user *string) (string, error) {
			return get(ctx, service.URL+"?user="+*user)
		}, afflux.InFlight(10), afflux.Timeout(5*time.Second), afflux.Retry(3)).
		To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(strings.Join(out.Values(), "\n"))
	fmt.Println(calls.Load(), "calls")
	// Output:
	// ann lives in Ghent
	// bob lives in Ghent
	// eve lives in Ghent
	// 4 calls
}

// Ask about several records in one call. Nothing waits for a call to become
// full: it takes what is at hand.
func ExampleStream_MapBulk() {
	squares := func(_ context.Context, numbers []int) ([]string, error) {
		answers := make([]string, len(numbers)) // one for each, in their order
		for i, n := range numbers {
			answers[i] = strconv.Itoa(n * n)
		}
		return answers, nil
	}
	out := memory.Sink[string]()

	job := afflux.NewJob("squares")
	afflux.From(job, "numbers", memory.Source([]int{1, 2, 3, 4}), afflux.Parallelism(1)).
		MapBulk("square", 3, squares, afflux.InFlight(2)).
		To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(out.Values())
	// Output:
	// [1 4 9 16]
}
