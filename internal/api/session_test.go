package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// asking is a request with headers, for a server that is guarded so.
func asking(is rules, method, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if r.Header.Add(name, value); name == "Host" {
			r.Host = value
		}
	}
	w := httptest.NewRecorder()
	guard(routes(sampledTo(after), &taking{}), is).ServeHTTP(w, r)
	return w
}

// TestSession opens the page with the token, as a browser does, and goes on with
// the cookie.
func TestSession(t *testing.T) {
	for _, secure := range []bool{false, true} {
		is := rules{session: session{token: "s3cret & more", secure: secure}, mayAsk: true}
		const at = "http://worker-3.example:8080"
		w := asking(is, "GET", at+"/?token=s3cret+%26+more", "Sec-Fetch-Site: none")
		cookies := w.Result().Cookies()
		if w.Code != 303 || w.Header().Get("Location") != "/" || len(cookies) != 1 || w.Header().Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %v", w.Code, w.Header())
		}
		c := cookies[0]
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure != secure || c.Path != "/" || c.Domain != "" ||
			strings.Contains(c.String(), "s3cret") || strings.HasPrefix(c.Name, "__Host-") != secure {
			t.Errorf("cookie %s", c)
		}
		cookie := "Cookie: " + c.Name + "=" + c.Value
		const ours, same, json = "Origin: " + at, "Sec-Fetch-Site: same-origin", "Content-Type: application/json"
		for _, q := range []struct {
			method, path string
			headers      []string
			want         int
		}{
			{"GET", "/", []string{cookie}, 200},
			{"GET", "/", nil, 401},
			{"GET", "/page.js", nil, 401},
			{"GET", "/api/v1/overview", []string{cookie, same}, 200},
			{"GET", "/api/v1/overview", []string{cookie + "0"}, 401},
			{"GET", "/api/v1/overview", []string{"Cookie: " + c.Name + "=s3cret & more"}, 401},
			{"GET", "/api/v1/overview", []string{"Cookie: " + c.Name + "="}, 401},
			{"GET", "/api/v1/overview", []string{"Cookie: " + c.Name + "=x; " + c.Name + "=" + c.Value}, 200},
			{"GET", "/api/v1/overview?token=s3cret+%26+more", nil, 401},
			{"GET", "/?token=wrong", nil, 401},
			{"GET", "/?token=", nil, 401},
			{"HEAD", "/?token=s3cret+%26+more", nil, 401},
			{"POST", "/?token=s3cret+%26+more", nil, 405},
			{"GET", "/api/v1/overview", []string{"Authorization: Bearer s3cret & more"}, 200},
			// A browser sends the cookie with what a page of another origin of the
			// same site asks for, too: another port of this host is one.
			{"POST", "/api/v1/savepoints", []string{cookie, json, same}, 200},
			{"POST", "/api/v1/savepoints", []string{cookie, json, ours}, 200},
			{"POST", "/api/v1/savepoints", []string{cookie, json, ours, same}, 200},
			{"POST", "/api/v1/savepoints", []string{cookie, json}, 403},
			{"POST", "/api/v1/savepoints", []string{cookie, same}, 415},
			{"POST", "/api/v1/savepoints", []string{cookie, json, "Sec-Fetch-Site: same-site"}, 403},
			{"POST", "/api/v1/savepoints", []string{cookie, json, "Sec-Fetch-Site: cross-site"}, 403},
			{"POST", "/api/v1/savepoints", []string{cookie, json, "Sec-Fetch-Site: none"}, 403},
			{"POST", "/api/v1/savepoints", []string{cookie, json, "Origin: http://worker-3.example:9090"}, 403},
			{"POST", "/api/v1/savepoints", []string{cookie, json, "Origin: null"}, 403},
			{"POST", "/api/v1/savepoints", []string{json, "Authorization: Bearer s3cret & more"}, 200},
		} {
			if w := asking(is, q.method, at+q.path, q.headers...); w.Code != q.want {
				t.Errorf("%s %s %q: %d, want %d: %s", q.method, q.path, q.headers, w.Code, q.want, w.Body)
			}
		}
	}
	// Two jobs on one host do not take each other's cookie away.
	if (session{token: "a"}).cookieName() == (session{token: "b"}).cookieName() {
		t.Error("two tokens have one cookie")
	}
	w := asking(rules{session: session{token: "a"}}, "GET", "http://x/", "Accept: text/html,*/*")
	if w.Code != 401 || !strings.Contains(w.Body.String(), "?token=") || !strings.Contains(w.Body.String(), `href="/"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestForeignPages get nothing but what a link can show, and cannot take a place
// or processor time.
func TestForeignPages(t *testing.T) {
	is := rules{loopback: true, mayAsk: true}
	const link, document = "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"
	for _, q := range []struct {
		path    string
		headers []string
		want    int
	}{
		{"/api/v1/overview", nil, 200},
		{"/api/v1/overview", []string{"Sec-Fetch-Site: same-origin"}, 200},
		{"/api/v1/overview", []string{"Sec-Fetch-Site: none", link, document}, 200},
		{"/api/v1/overview", []string{"Sec-Fetch-Site: cross-site", link, document}, 200},
		{"/", []string{"Sec-Fetch-Site: cross-site", link, document}, 200},
		{"/api/v1/overview", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"}, 403},
		{"/api/v1/overview", []string{"Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: cors"}, 403},
		{"/", []string{"Sec-Fetch-Site: cross-site", link, "Sec-Fetch-Dest: iframe"}, 403},
		{streamPath, []string{"Sec-Fetch-Site: cross-site", link, document}, 403},
		{streamPath, []string{"Origin: https://evil.example"}, 403},
		{streamPath, []string{"Origin: null"}, 403},
		{profilePath + "?seconds=1", []string{"Sec-Fetch-Site: cross-site", link, document}, 403},
		{profilePath + "?seconds=1", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"}, 403},
		{"/metrics", []string{"Origin: http://localhost:3000"}, 403},
	} {
		if w := asking(is, "GET", "http://localhost:8080"+q.path, q.headers...); w.Code != q.want {
			t.Errorf("%s %q: %d, want %d", q.path, q.headers, w.Code, q.want)
		}
	}
}

// TestUnknownReaders may read what is served beyond loopback with TLS alone, and
// nothing more.
func TestUnknownReaders(t *testing.T) {
	is := rules{session: session{secure: true}}
	for path, want := range map[string]int{"/": 200, "/metrics": 200, "/api/v1/overview": 200, profilePath + "?seconds=1": 403} {
		if w := asking(is, "GET", "https://worker-3.example"+path); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	if w := asking(is, "POST", "https://worker-3.example/api/v1/savepoints?stop=true", "Content-Type: application/json"); w.Code != 403 || !strings.Contains(w.Body.String(), "AFFLUX_TOKEN") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// FuzzGuard looks for a request that makes the job do something, and that a page
// of another origin, or somebody without the token, can send.
func FuzzGuard(f *testing.F) {
	mine := session{token: "s3cret"}
	cookie := mine.cookieName() + "=" + mine.cookieValue()
	f.Add("localhost:8080", "", "", "", "application/json", "", "")
	f.Add("localhost:8080", "http://localhost:8080", "same-origin", cookie, "application/json", "", "")
	f.Add("evil.example", "http://evil.example", "cross-site", cookie, "text/plain", "Bearer s3cret", "token=s3cret")
	f.Add("localhost:8080", "null", "same-site", cookie+"; a=b", "application/json;x", "bearer  s3cret", "token=s3cret&token=x")
	f.Fuzz(func(t *testing.T, host, origin, site, cookies, kind, authorization, query string) {
		for _, token := range []string{"", mine.token} {
			asked := false
			next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true })
			is := rules{session: session{token: token}, loopback: true, mayAsk: true}
			r := httptest.NewRequest(http.MethodPost, "http://localhost/api/v1/savepoints", nil)
			r.Host, r.URL.RawQuery = host, query
			set := func(name, value string) {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			set("Origin", origin)
			set("Sec-Fetch-Site", site)
			set("Cookie", cookies)
			set("Content-Type", kind)
			set("Authorization", authorization)
			guard(next, is).ServeHTTP(httptest.NewRecorder(), r)
			if !asked {
				continue
			}
			bearer := strings.Contains(strings.ToLower(authorization), "bearer") && strings.Contains(authorization, token)
			switch {
			case token != "" && !bearer && !strings.Contains(cookies, mine.cookieValue()):
				t.Error("without the token")
			case token == "" && !isLocalName(host):
				t.Errorf("under the name %q", host)
			case site != "" && site != "same-origin" && site != "none":
				t.Errorf("from %q", site)
			case origin != "" && site == "" && !strings.HasSuffix(origin, "://"+host):
				t.Errorf("from %q to %q", origin, host)
			case token != "" && !bearer && site == "" && origin == "":
				t.Error("with a cookie, from nobody knows where")
			case !strings.Contains(strings.ToLower(kind), "application/json"):
				t.Errorf("as %q", kind)
			}
		}
	})
}
