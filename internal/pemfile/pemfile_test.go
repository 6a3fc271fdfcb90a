package pemfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/internal/pemfile/pemfiletest"
)

// TestMistakes says for each what to do.
func TestMistakes(t *testing.T) {
	a := pemfiletest.New(t, "a")
	cert, key := a.Issue("one", time.Now().Add(time.Hour))
	_, other := a.Issue("other", time.Now().Add(time.Hour))
	oldCert, oldKey := a.Issue("old", time.Now().Add(-time.Hour))
	none := filepath.Join(a.Dir, "none.pem")
	empty := a.Write("empty.pem", "NOTHING", nil)
	large := filepath.Join(a.Dir, "large.pem")
	if err := os.WriteFile(large, make([]byte, MaxBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Pair(cert, key, time.Now()); err != nil {
		t.Error(err)
	}
	if _, err := Authorities("--ca", a.PEM); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		cert, key string
		want      []string
	}{
		{cert, "", []string{"--tls-key as well"}},
		{"", key, []string{"--tls-cert as well"}},
		{none, key, []string{"--tls-cert", none}},
		{cert, none, []string{"--tls-key", none}},
		{cert, other, []string{cert, other, "belong together"}},
		{key, cert, []string{cert, "PEM"}},
		{empty, key, []string{empty}},
		{large, key, []string{large, "at most"}},
		{a.Dir, key, []string{a.Dir, "PEM file"}},
		{oldCert, oldKey, []string{oldCert, "expired", "renew"}},
	} {
		_, err := Pair(c.cert, c.key, time.Now())
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s %s: %v; want %q", c.cert, c.key, err, want)
			}
		}
	}
	for file, want := range map[string]string{none: none, key: "no certificate", a.Dir: "PEM file"} {
		if _, err := Authorities("--ca", file); err == nil || !strings.Contains(err.Error(), "--ca") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", file, err, want)
		}
	}
}

func FuzzFiles(f *testing.F) {
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), []byte("-----BEGIN PRIVATE KEY-----\n\n-----END PRIVATE KEY-----\n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, cert, key []byte) {
		c, k := filepath.Join(dir, "c"), filepath.Join(dir, "k")
		if err := errors.Join(os.WriteFile(c, cert, 0o600), os.WriteFile(k, key, 0o600)); err != nil {
			t.Fatal(err)
		}
		if got, err := Pair(c, k, time.Now()); (got.Leaf == nil) == (err == nil) {
			t.Errorf("%v %v", got, err)
		}
		if got, err := Authorities("--ca", c); (got == nil) == (err == nil) {
			t.Errorf("%v %v", got, err)
		}
	})
}
