package api

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority signs certificates for a test.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string // file
}

func newAuthority(t *testing.T, name string) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.key = newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pem = a.write("ca.pem", "CERTIFICATE", der)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (a *authority) write(name, kind string, der []byte) string {
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// issue writes a certificate and its key.
func (a *authority) issue(name string, until time.Time) (cert, key string) {
	k := newKey(a.t)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, k.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.write(name+".pem", "CERTIFICATE", der), a.write(name+"-key.pem", "PRIVATE KEY", secret)
}

// client trusts the authority and shows a certificate, if there is one.
func (a *authority) client(cert, key string) *http.Client {
	c := &tls.Config{RootCAs: x509.NewCertPool()}
	c.RootCAs.AddCert(a.cert)
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			a.t.Fatal(err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	transport := &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: true}
	a.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// TestTLS serves beyond loopback, with and without certificates of clients.
func TestTLS(t *testing.T) {
	ours, theirs := newAuthority(t, "ours"), newAuthority(t, "theirs")
	cert, key := ours.issue("server", time.Now().Add(time.Hour))
	clientCert, clientKey := ours.issue("client", time.Now().Add(time.Hour))
	strangeCert, strangeKey := theirs.issue("stranger", time.Now().Add(time.Hour))
	for _, c := range []struct {
		name, token, ca, clientCert, clientKey string
		read, ask                              int // 0: no connection
	}{
		{"nobody is known", "", "", "", "", 200, 403},
		{"a token, not sent", "s3cret", "", "", "", 401, 401},
		{"a certificate", "", ours.pem, clientCert, clientKey, 200, 200},
		{"no certificate", "", ours.pem, "", "", 0, 0},
		{"a stranger's", "", ours.pem, strangeCert, strangeKey, 0, 0},
		{"a certificate, but no token", "s3cret", ours.pem, clientCert, clientKey, 401, 401},
	} {
		s := serve(t, Options{Listen: "0.0.0.0:0", Token: c.token, TLS: TLS{cert, key, c.ca}, Sampler: sampledTo(after), Checkpoints: &taking{}})
		_, port, _ := net.SplitHostPort(s.Addr())
		at := "https://127.0.0.1:" + port
		if s.URL() != "https://localhost:"+port {
			t.Error(s.URL())
		}
		client := ours.client(c.clientCert, c.clientKey)
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
	ours := newAuthority(t, "ours")
	cert, key := ours.issue("server", time.Now().Add(time.Hour))
	sampler := sampledTo(after)
	s := serve(t, Options{Listen: "127.0.0.1:0", TLS: TLS{Cert: cert, Key: key}, Sampler: sampler})
	answer, err := ours.client("", "").Get(s.URL() + streamPath)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	events := &stream{answer, lines}
	for range 3 {
		if _, _, ok := events.next(t); !ok || answer.ProtoMajor != 2 {
			t.Fatalf("no event, by %s", answer.Proto)
		}
		sampler.Sample()
	}
}

// TestWrongTLS says for each mistake what to do.
func TestWrongTLS(t *testing.T) {
	a := newAuthority(t, "a")
	cert, key := a.issue("server", time.Now().Add(time.Hour))
	_, other := a.issue("other", time.Now().Add(time.Hour))
	oldCert, oldKey := a.issue("old", time.Now().Add(-time.Hour))
	none := filepath.Join(a.dir, "none.pem")
	empty := a.write("empty.pem", "NOTHING", nil)
	large := filepath.Join(a.dir, "large.pem")
	if err := os.WriteFile(large, make([]byte, maxPEMBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		TLS
		want []string
	}{
		{TLS{Cert: cert}, []string{"--tls-key"}},
		{TLS{Key: key}, []string{"--tls-cert"}},
		{TLS{ClientCA: a.pem}, []string{"--tls-cert and --tls-key"}},
		{TLS{Cert: none, Key: key}, []string{"--tls-cert", none}},
		{TLS{Cert: cert, Key: none}, []string{"--tls-key", none}},
		{TLS{Cert: cert, Key: other}, []string{cert, other, "belong together"}},
		{TLS{Cert: key, Key: cert}, []string{cert, "PEM"}},
		{TLS{Cert: empty, Key: key}, []string{empty}},
		{TLS{Cert: large, Key: key}, []string{large, "at most"}},
		{TLS{Cert: a.dir, Key: key}, []string{a.dir, "PEM file"}},
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

func FuzzPEM(f *testing.F) {
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), []byte("-----BEGIN PRIVATE KEY-----\n\n-----END PRIVATE KEY-----\n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, cert, key []byte) {
		c, k := filepath.Join(dir, "c"), filepath.Join(dir, "k")
		if err := errors.Join(os.WriteFile(c, cert, 0o600), os.WriteFile(k, key, 0o600)); err != nil {
			t.Fatal(err)
		}
		if got, err := (TLS{c, k, c}).config(time.Now()); (got == nil) == (err == nil) {
			t.Errorf("%v %v", got, err)
		}
	})
}
