package remote

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:8080":             "http://127.0.0.1:8080",
		"http://host:1/":             "http://host:1/",
		"https://host/behind?x=1#y":  "https://host/behind",
		"http://me:secret@host:8080": "http://me:xxxxx@host:8080",
		"":                           "", "ftp://host": "", "http://": "", "http://a b": "", ":::": "",
	} {
		job, err := At(address, "", TLS{})
		switch {
		case want == "" && (err == nil || !strings.Contains(err.Error(), "http://127.0.0.1:8080")):
			t.Errorf("%q: %v", address, err)
		case want != "" && (err != nil || job.String() != want):
			t.Errorf("%q is %v, want %q (%v)", address, job, want, err)
		}
	}
}

// TestAsking has what is sent, and what answers become.
func TestAsking(t *testing.T) {
	var stolen string
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { stolen = r.Header.Get("Authorization") }))
	defer thief.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /base/api/v1/here", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.Header.Get("Authorization")))
	})
	mux.HandleFunc("POST /base/api/v1/do", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.URL.RawQuery + " " + r.Header.Get("Content-Type")))
	})
	mux.HandleFunc("/base/api/v1/no", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, strings.Repeat("because ", 1000), http.StatusConflict)
	})
	mux.Handle("/base/api/v1/elsewhere", http.RedirectHandler(thief.URL, http.StatusFound))
	mux.HandleFunc("/base/api/v1/much", func(w http.ResponseWriter, _ *http.Request) {
		for range 2 * maxAnswer / 1024 {
			_, _ = w.Write(make([]byte, 1024))
		}
	})
	mux.HandleFunc("/base/api/v1/broken", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("short"))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	job, err := At(server.URL+"/base", "t0ken", TLS{})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := job.Get(t.Context(), "here"); err != nil || string(text) != "Bearer t0ken" {
		t.Errorf("%q, %v", text, err)
	}
	if text, err := job.Post(t.Context(), "do", url.Values{"stop": {"true"}}); err != nil || string(text) != "stop=true application/json" {
		t.Errorf("%q, %v", text, err)
	}
	var refused *Refused
	if _, err := job.Get(t.Context(), "no"); !errors.As(err, &refused) || refused.Status != http.StatusConflict || len(refused.Text) > maxReason || !strings.Contains(err.Error(), "409 Conflict: because") {
		t.Errorf("%v", err)
	}
	if _, err := job.Get(t.Context(), "elsewhere"); !errors.As(err, &refused) || stolen != "" {
		t.Errorf("%v; another host got %q", err, stolen)
	}
	if text, err := job.Get(t.Context(), "much"); err != nil || len(text) != maxAnswer {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	var none *NoAnswer
	if _, err := job.Get(t.Context(), "broken"); !errors.As(err, &none) || !strings.Contains(err.Error(), "breaks off") {
		t.Errorf("%v", err)
	}
	server.Close()
	if _, err := job.Get(t.Context(), "here"); !errors.As(err, &none) || !strings.Contains(err.Error(), "--listen") {
		t.Errorf("%v", err)
	}
}
