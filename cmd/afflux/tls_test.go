package main

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/internal/doctor"
	"github.com/affluxdev/afflux/internal/pemfile"
	"github.com/affluxdev/afflux/internal/pemfile/pemfiletest"
)

// TestAskingWithTLS has the commands that ask a job with --tls-client-ca, also the
// doctor in the binary of a job.
func TestAskingWithTLS(t *testing.T) {
	a := pemfiletest.New(t, "a")
	cert, key := a.Issue("job", time.Now().Add(time.Hour))
	mine, mineKey := a.Issue("me", time.Now().Add(time.Hour))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		said := `{"healthy": true, "seconds": 9, "findings": []}`
		if r.Method == http.MethodPost {
			said = `{"path": "` + strings.TrimPrefix(r.URL.Path, "/api/v1/") + ` of ` + r.TLS.PeerCertificates[0].Subject.CommonName + `"}`
		}
		_, _ = w.Write([]byte(said))
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	pair, err := pemfile.Pair(cert, key, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	authorities, err := pemfile.Authorities("--tls-client-ca", a.PEM)
	if err != nil {
		t.Fatal(err)
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: authorities, ClientAuth: tls.RequireAndVerifyClientCert}
	server.StartTLS()
	defer server.Close()
	known := []string{"--tls-ca", a.PEM, "--tls-cert", mine, "--tls-key", mineKey}
	for _, c := range []struct {
		args []string
		out  string
		code int // without a certificate
	}{
		{[]string{"doctor", server.URL}, "healthy: nothing", doctor.ExitNoAnswer},
		{[]string{"savepoint", "--address", server.URL}, "savepoints of me\n", afflux.ExitFailed},
		{[]string{"checkpoint", "--address", strings.TrimPrefix(server.URL, "https://")}, "checkpoints of me\n", afflux.ExitFailed},
	} {
		if code, out, errs := command(t, append(c.args, known...)...); code != afflux.ExitDone || !strings.HasPrefix(out, c.out) {
			t.Errorf("%v: code %d: %s%s", c.args, code, out, errs)
		}
		if code, out, errs := command(t, append(c.args, "--tls-ca", a.PEM)...); code != c.code || out != "" || !strings.Contains(errs, "--tls-cert and --tls-key") {
			t.Errorf("%v without a certificate: code %d: %s%s", c.args, code, out, errs)
		}
		if code, out, errs := command(t, append(c.args, "--tls-cert", mine)...); code != afflux.ExitUsage || out != "" || !strings.Contains(errs, "--tls-key") {
			t.Errorf("%v without a key: code %d: %s%s", c.args, code, out, errs)
		}
	}
	out, errs := capture(t, &os.Stdout), capture(t, &os.Stderr)
	code := afflux.Command(t.Context(), afflux.NewJob("mine"), append([]string{"doctor", server.URL}, known...))
	if said, wrong := out(), errs(); code != doctor.ExitHealthy || !strings.HasPrefix(said, "healthy") {
		t.Errorf("in the binary of a job: code %d: %s%s", code, said, wrong)
	}
}
