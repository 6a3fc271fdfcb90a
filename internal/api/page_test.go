package api

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/affluxdev/afflux/internal/ui"
)

// TestPage asks for the real page as a browser does.
func TestPage(t *testing.T) {
	h := guard(routes(sampledTo(after), nil), rules{loopback: true})
	ask := func(path string, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil)
		for _, header := range headers {
			name, value, _ := strings.Cut(header, ": ")
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	w := ask("/")
	if w.Code != 200 || !strings.Contains(w.Body.String(), "<!doctype html>") || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	policy := w.Header().Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("%s is not in %s", part, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") || w.Header().Get("Referrer-Policy") != "no-referrer" {
		t.Error(w.Header())
	}
	plain := ask("/page.js")
	if plain.Code != 200 || plain.Header().Get("Content-Type") != "text/javascript; charset=utf-8" || plain.Header().Get("Content-Encoding") != "" {
		t.Fatalf("%d %v", plain.Code, plain.Header())
	}
	squeezed := ask("/page.js", "Accept-Encoding: gzip, deflate, br")
	if squeezed.Header().Get("Content-Encoding") != "gzip" || squeezed.Body.Len() > plain.Body.Len()/2 {
		t.Fatalf("%v, %d of %d bytes", squeezed.Header(), squeezed.Body.Len(), plain.Body.Len())
	}
	etag := squeezed.Header().Get("ETag")
	z, err := gzip.NewReader(squeezed.Body)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || string(text) != plain.Body.String() {
		t.Error("gzip gives another file", err)
	}
	if etag == "" || etag == plain.Header().Get("ETag") {
		t.Errorf("two encodings have the tag %s", etag)
	}
	if again := ask("/page.js", "Accept-Encoding: gzip", "If-None-Match: W/"+etag); again.Code != 304 || again.Body.Len() != 0 || again.Header().Get("ETag") != etag {
		t.Errorf("%d %v", again.Code, again.Header())
	}
	if other := ask("/page.js", "Accept-Encoding: gzip;q=0", "If-None-Match: "+etag); other.Code != 200 || other.Header().Get("Content-Encoding") != "" {
		t.Errorf("%d %v", other.Code, other.Header())
	}
	for _, path := range []string{"/index.html", "/page.jsx", "//page.js", "/../server.go", "/%2e%2e/server.go", "/dist/page.js", "/web/", "/assets/"} {
		if w := ask(path); w.Code == 200 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := ask("/api/v1/"); w.Code != 200 || !strings.Contains(w.Body.String(), "/api/v1/stream") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestPagesThatCannotBeServed(t *testing.T) {
	if _, err := newPage(fstest.MapFS{"page.js": {}}); err == nil || !strings.Contains(err.Error(), "index.html") {
		t.Errorf("a page without its index: %v", err)
	}
	if _, err := newPage(fstest.MapFS{indexFile: {}, "film.mp4": {Data: make([]byte, maxPageBytes+1)}}); err == nil || !strings.Contains(err.Error(), "film.mp4") || strings.Contains(err.Error(), "%!") {
		t.Errorf("a page that is too large: %v", err)
	}
	if _, err := newPage(ui.Files()); err != nil {
		t.Error(err)
	}
}

func TestAccepts(t *testing.T) {
	for list, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "br, gzip;q=0.5": true, "gzip;q=0": false, "gzip; q=0.000": false, "gzip;q=x": false, "x-gzip": false, "*": false,
	} {
		if got := accepts(list, "gzip"); got != want {
			t.Errorf("%q: %v", list, got)
		}
	}
}
