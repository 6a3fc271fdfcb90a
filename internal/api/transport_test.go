package api

import (
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/internal/pemfile/pemfiletest"
)

// TestTLS serves beyond loopback, with and without certificates of clients.
func TestTLS(t *testing.T) {
	ours, theirs := pemfiletest.New(t, "ours"), pemfiletest.New(t, "theirs")
	cert, key := ours.Issue("server", time.Now().Add(time.Hour))
	clientCert, clientKey := ours.Issue("client", time.Now().Add(time.Hour))
	strangeCert, strangeKey := theirs.Issue("stranger", time.Now().Add(time.Hour))
	for _, c := range []struct {
		name, token, ca, clientCert, clientKey string
		read, ask                              int // 0: no connection
	}{
		{"nobody is known", "", "", "", "", 200, 403},
		{"a token, not sent", "s3cret", "", "", "", 401, 401},
		{"a certificate", "", ours.PEM, clientCert, clientKey, 200, 200},
		{"no certificate", "", ours.PEM, "", "", 0, 0},
		{"a stranger's", "", ours.PEM, strangeCert, strangeKey, 0, 0},
		{"a certificate, but no token", "s3cret", ours.PEM, clientCert, clientKey, 401, 401},
	} {
		s := serve(t, Options{Listen: "0.0.0.0:0", Token: c.token, TLS: TLS{cert, key, c.ca}, Sampler: sampledTo(after), Checkpoints: &taking{}})
		_, port, _ := net.SplitHostPort(s.Addr())
		at := "https://127.0.0.1:" + port
		if s.URL() != "https://localhost:"+port {
			t.Error(s.URL())
		}
		client := ours.Client(c.clientCert, c.clientKey)
		code := func(r *http.Request, err error) int {
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			answer, err := client.Do(r)
			if err != nil {
				return 0
			}
			_ = answer.Body.Close()
			if answer.ProtoMajor != 2 {
				t.Errorf("%s: %s", c.name, answer.Proto)
			}
			return answer.StatusCode
		}
		if got := code(http.NewRequest(http.MethodGet, at+"/api/v1/overview", nil)); got != c.read {
			t.Errorf("%s: reading gives %d, want %d", c.name, got, c.read)
		}
		if got := code(http.NewRequest(http.MethodPost, at+"/api/v1/savepoints", nil)); got != c.ask {
			t.Errorf("%s: asking gives %d, want %d", c.name, got, c.ask)
		}
	}
}

// TestStreamOverTLS goes through HTTP/2.
func TestStreamOverTLS(t *testing.T) {
	ours := pemfiletest.New(t, "ours")
	cert, key := ours.Issue("server", time.Now().Add(time.Hour))
	sampler := sampledTo(after)
	s := serve(t, Options{Listen: "127.0.0.1:0", TLS: TLS{Cert: cert, Key: key}, Sampler: sampler})
	events := streamOf(t, ours.Client("", ""), s.URL())
	for range 3 {
		if _, _, ok := events.next(t); !ok || events.ProtoMajor != 2 {
			t.Fatalf("no event, by %s", events.Proto)
		}
		sampler.Sample()
	}
}

// TestWrongTLS says for each mistake what to do.
func TestWrongTLS(t *testing.T) {
	a := pemfiletest.New(t, "a")
	cert, key := a.Issue("server", time.Now().Add(time.Hour))
	_, other := a.Issue("other", time.Now().Add(time.Hour))
	oldCert, oldKey := a.Issue("old", time.Now().Add(-time.Hour))
	none := filepath.Join(a.Dir, "none.pem")
	for _, c := range []struct {
		TLS
		want []string
	}{
		{TLS{Cert: cert}, []string{"--tls-key"}},
		{TLS{Key: key}, []string{"--tls-cert"}},
		{TLS{ClientCA: a.PEM}, []string{"--tls-cert and --tls-key"}},
		{TLS{Cert: none, Key: key}, []string{"--tls-cert", none}},
		{TLS{Cert: cert, Key: none}, []string{"--tls-key", none}},
		{TLS{Cert: cert, Key: other}, []string{cert, other, "belong together"}},
		{TLS{Cert: oldCert, Key: oldKey}, []string{oldCert, "expired", "renew"}},
		{TLS{Cert: cert, Key: key, ClientCA: none}, []string{"--tls-client-ca", none}},
		{TLS{Cert: cert, Key: key, ClientCA: key}, []string{"--tls-client-ca", "no certificate"}},
	} {
		s, err := Serve(t.Context(), Options{Listen: "127.0.0.1:0", TLS: c.TLS, Sampler: sampled(after)})
		if err == nil {
			_ = s.Close()
			t.Errorf("%+v: it serves", c.TLS)
			continue
		}
		for _, want := range c.want {
			if !errors.Is(err, ErrTLS) || !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: %v; want %q", c.TLS, err, want)
			}
		}
	}
}
