// Package remote lets a command talk to a running job over the API that it
// serves.
package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 4 << 20

// Job is a job that serves its API at an address.
type Job struct {
	at     *url.URL
	token  string
	client *http.Client
}

// At returns the job at an address: a URL, or host:port. The token is sent along
// unless it is empty. Redirects are not followed, so that the token goes nowhere
// else.
func At(address, token string) (*Job, error) {
	full := address
	if !strings.Contains(full, "://") {
		full = "http://" + full
	}
	u, err := url.Parse(full)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is no address of a job; write something like http://127.0.0.1:8080", address)
	}
	u.RawQuery, u.Fragment = "", ""
	return &Job{at: u, token: token, client: &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// String is the address.
func (j *Job) String() string { return j.at.Redacted() }

// NoAnswer is the error when nothing answers, or what does breaks off.
type NoAnswer struct{ Err error }

// Error implements error.
func (e *NoAnswer) Error() string { return e.Err.Error() }

// Unwrap returns what was wrong.
func (e *NoAnswer) Unwrap() error { return e.Err }

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
		return nil, &NoAnswer{unanswered(err)}
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	text, err = io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, &NoAnswer{fmt.Errorf("the answer of the job breaks off: %w", err)}
	}
	if answer.StatusCode != http.StatusOK {
		return nil, &Refused{Status: answer.StatusCode, Text: strings.TrimSpace(string(text[:min(len(text), maxReason)]))}
	}
	return text, nil
}

// unanswered says what to do where there was no answer.
func unanswered(err error) error {
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return fmt.Errorf("the certificate of the job is not trusted here: %w; name the file of the authority that signed it in SSL_CERT_FILE, or have the system trust it", err)
	}
	return fmt.Errorf("no job answers: %w; is it running, with --listen at that address?", err)
}

// maxReason bounds what is told of a refusal, in bytes.
const maxReason = 4 << 10
