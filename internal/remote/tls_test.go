package remote

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/internal/pemfile"
	"github.com/affluxdev/afflux/internal/pemfile/pemfiletest"
)

// jobWith serves with a certificate. If there are authorities, a client must show a
// certificate of theirs.
func jobWith(t *testing.T, cert, key, clientCA string, version uint16) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.Method + " " + r.URL.Path))
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	pair, err := pemfile.Pair(cert, key, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MaxVersion: version}
	if clientCA != "" {
		if s.TLS.ClientCAs, err = pemfile.Authorities("--tls-client-ca", clientCA); err != nil {
			t.Fatal(err)
		}
		s.TLS.ClientAuth = tls.RequireAndVerifyClientCert
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// TestTLS asks jobs that are served with certificates, which ask for one of the
// client or not, and has what is said where it does not fit.
func TestTLS(t *testing.T) {
	ours, theirs := pemfiletest.New(t, "ours"), pemfiletest.New(t, "theirs")
	hour := time.Now().Add(time.Hour)
	cert, key := ours.Issue("job", hour)
	mine, mineKey := ours.Issue("me", hour)
	strange, strangeKey := theirs.Issue("stranger", hour)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		open, closed := jobWith(t, cert, key, "", version), jobWith(t, cert, key, ours.PEM, version)
		for _, c := range []struct {
			name   string
			server *httptest.Server
			files  TLS
			says   []string // none: it answers
		}{
			{"an authority", open, TLS{CA: ours.PEM}, nil},
			{"a certificate that nobody asks for", open, TLS{ours.PEM, mine, mineKey}, nil},
			{"a certificate", closed, TLS{ours.PEM, mine, mineKey}, nil},
			{"no authority", open, TLS{}, []string{"not trusted here", "name the file of the authority that signed it in --tls-ca"}},
			{"another authority", open, TLS{CA: theirs.PEM}, []string{"--tls-ca " + theirs.PEM + " does not have the authority"}},
			{"no certificate", closed, TLS{CA: ours.PEM}, []string{"asks its clients for a certificate", "give --tls-cert and --tls-key"}},
			{"a stranger's certificate", closed, TLS{ours.PEM, strange, strangeKey}, []string{"does not take the certificate in " + strange}},
		} {
			job, err := At(c.server.URL, "", c.files)
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			text, err := job.Post(t.Context(), "savepoints", nil)
			if c.says == nil {
				if err != nil || string(text) != "POST /api/v1/savepoints" {
					t.Errorf("%s: %q, %v", c.name, text, err)
				}
				continue
			}
			var none *NoAnswer
			if !errors.As(err, &none) || strings.Contains(err.Error(), "--listen") {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			for _, want := range c.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %v; want %q", c.name, err, want)
				}
			}
		}
	}
}

// TestJobWithTLSEnds blames no certificate that the job has taken before.
func TestJobWithTLSEnds(t *testing.T) {
	a := pemfiletest.New(t, "a")
	cert, key := a.Issue("job", time.Now().Add(time.Hour))
	server := jobWith(t, cert, key, a.PEM, 0)
	job, err := At(strings.TrimPrefix(server.URL, "https://"), "", TLS{a.PEM, cert, key})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(job.String(), "https://127.0.0.1:") {
		t.Error(job)
	}
	if _, err := job.Get(t.Context(), "diagnosis"); err != nil {
		t.Fatal(err)
	}
	server.Close()
	if _, err := job.Get(t.Context(), "diagnosis"); err == nil || !strings.Contains(err.Error(), "no job answers") {
		t.Error(err)
	}
}

// TestNameOfCertificate is about a job at an address that its certificate is not for.
func TestNameOfCertificate(t *testing.T) {
	a := pemfiletest.New(t, "a")
	cert, key := a.Issue("job", time.Now().Add(time.Hour))
	server := jobWith(t, cert, key, "", 0)
	job, err := At(strings.Replace(server.URL, "127.0.0.1", "localhost", 1), "", TLS{CA: a.PEM})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := job.Get(t.Context(), "diagnosis"); err == nil || !strings.Contains(err.Error(), "a name that the certificate is for") {
		t.Error(err)
	}
}

// TestSchemes is about jobs with TLS that are asked without, and the other way round.
func TestSchemes(t *testing.T) {
	a := pemfiletest.New(t, "a")
	cert, key := a.Issue("job", time.Now().Add(time.Hour))
	secure := jobWith(t, cert, key, "", 0)
	host := strings.TrimPrefix(secure.URL, "https://")
	job, err := At(host, "", TLS{})
	if err != nil {
		t.Fatal(err)
	}
	var refused *Refused
	if _, err := job.Get(t.Context(), "diagnosis"); !errors.As(err, &refused) || !strings.Contains(err.Error(), "Write https://"+host) {
		t.Error(err)
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	job, err = At(strings.TrimPrefix(plain.URL, "http://"), "", TLS{CA: a.PEM})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := job.Get(t.Context(), "diagnosis"); err == nil || !strings.Contains(err.Error(), "write http://") {
		t.Error(err)
	}
}

// TestWrongFiles says for each mistake what to do.
func TestWrongFiles(t *testing.T) {
	a := pemfiletest.New(t, "a")
	cert, key := a.Issue("me", time.Now().Add(time.Hour))
	_, other := a.Issue("other", time.Now().Add(time.Hour))
	none := filepath.Join(a.Dir, "none.pem")
	for _, c := range []struct {
		address string
		files   TLS
		want    string
	}{
		{"https://x", TLS{CA: none}, "--tls-ca: stat " + none},
		{"https://x", TLS{CA: key}, "--tls-ca " + key + ": it has no certificate"},
		{"https://x", TLS{Cert: cert}, "give --tls-key as well"},
		{"https://x", TLS{Key: key}, "give --tls-cert as well"},
		{"https://x", TLS{Cert: cert, Key: none}, "--tls-key: stat " + none},
		{"https://x", TLS{Cert: cert, Key: other}, "belong together"},
		{"http://x:1", TLS{CA: a.PEM}, "write https://x:1"},
		{"http://x:1", TLS{Key: key}, "write https://x:1"},
	} {
		if _, err := At(c.address, "", c.files); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %+v: %v, want %q", c.address, c.files, err, c.want)
		}
	}
}
