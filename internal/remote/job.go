// Package remote lets a command talk to a running job over the API that it
// serves.
package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 4 << 20

// Job is a job that serves its API at an address. It is asked one thing at a time.
type Job struct {
	at       *url.URL
	token    string
	files    TLS
	client   *http.Client
	asked    atomic.Bool // for a certificate
	answered bool
}

// At returns the job at an address: a URL, or host:port, which is asked with TLS if
// there are files for it. The token is sent along unless it is empty. Redirects are
// not followed, so that the token goes nowhere else. The files are read once; errors
// are mistakes in what was given, and say what to do.
func At(address, token string, files TLS) (*Job, error) {
	full, secure := address, files != (TLS{})
	switch {
	case strings.Contains(full, "://"):
	case secure:
		full = "https://" + full
	default:
		full = "http://" + full
	}
	u, err := url.Parse(full)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is no address of a job; write something like http://127.0.0.1:8080", address)
	}
	if u.Scheme == "http" && secure {
		return nil, fmt.Errorf("--tls-ca, --tls-cert and --tls-key are for a job that is served with TLS: write https://%s, or leave them out", u.Host)
	}
	u.RawQuery, u.Fragment = "", ""
	j := &Job{at: u, token: token, files: files}
	config, err := files.config(time.Now(), &j.asked)
	if err != nil {
		return nil, err
	}
	j.client = &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, TLSClientConfig: config},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return j, nil
}

// String is the address.
func (j *Job) String() string { return j.at.Redacted() }

// Refused is the error when the job does not do what was asked.
type Refused struct {
	// Status is that of HTTP: 503 while the job has not started yet.
	Status int
	// Text says why, for the user.
	Text string
}

// Error implements error.
func (e *Refused) Error() string {
	return fmt.Sprintf("%d %s: %s", e.Status, http.StatusText(e.Status), e.Text)
}

// Get reads a part of the API, like "diagnosis".
func (j *Job) Get(ctx context.Context, part string) ([]byte, error) {
	return j.ask(ctx, http.MethodGet, part, nil)
}

// Post asks the job to do something, like to take "savepoints", and waits until
// it is done.
func (j *Job) Post(ctx context.Context, part string, query url.Values) ([]byte, error) {
	return j.ask(ctx, http.MethodPost, part, query)
}

func (j *Job) ask(ctx context.Context, method, part string, query url.Values) (text []byte, err error) {
	u := j.at.JoinPath("api", "v1", part)
	u.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	if j.token != "" {
		r.Header.Set("Authorization", "Bearer "+j.token)
	}
	answer, err := j.client.Do(r)
	if err != nil {
		return nil, &NoAnswer{j.unanswered(err)}
	}
	j.answered = true
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	text, err = io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, &NoAnswer{fmt.Errorf("the answer of the job breaks off: %w", err)}
	}
	if answer.StatusCode != http.StatusOK {
		why := strings.TrimSpace(string(text[:min(len(text), maxReason)]))
		if answer.StatusCode == http.StatusBadRequest && why == wantsTLS {
			why += fmt.Sprintf(" Write https://%s", j.at.Host)
		}
		return nil, &Refused{Status: answer.StatusCode, Text: why}
	}
	return text, nil
}

// wantsTLS is what a server with TLS answers to a request without.
const wantsTLS = "Client sent an HTTP request to an HTTPS server."

// maxReason bounds what is told of a refusal, in bytes.
const maxReason = 4 << 10
