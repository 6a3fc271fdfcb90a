package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strings"
)

// session is how somebody who knows the token is known: programs send it with
// each request; a browser is given a cookie for it once.
type session struct {
	token string // "" if none is asked for
	// secure is for connections with TLS: no other one may carry the cookie.
	secure bool
}

// how a request shows that it may.
type proof int

const (
	noProof proof = iota
	byToken
	// byCookie: a browser sends it by itself, so a page of another origin must be
	// told apart by other means.
	byCookie
)

// tokenParameter is in the address that people open once.
const tokenParameter = "token"

// proves tells how a request shows that it may be answered.
func (s session) proves(r *http.Request) proof {
	if s.token == "" {
		return byToken
	}
	if scheme, given, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") && same(strings.TrimSpace(given), s.token) {
		return byToken
	}
	for _, c := range r.CookiesNamed(s.cookieName()) {
		if same(c.Value, s.cookieValue()) {
			return byCookie
		}
	}
	return noProof
}

// opens tells whether a request opens the page with the right token in its
// address.
func (s session) opens(r *http.Request) bool {
	if s.token == "" || r.URL.Path != "/" || r.Method != http.MethodGet {
		return false
	}
	q := r.URL.Query()
	return q.Has(tokenParameter) && same(q.Get(tokenParameter), s.token)
}

// admit gives the browser its cookie and sends it on to the page, without the
// token in the address.
func (s session) admit(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(), Value: s.cookieValue(), Path: "/",
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteStrictMode,
	})
	w.Header().Set("Location", "/")
	w.WriteHeader(http.StatusSeeOther)
}

// The cookie does not have the token in it, only what is made of it. Its name is
// made of it too: browsers send a cookie to all ports of a host, and two jobs
// must not take each other's away.
func (s session) cookieName() string {
	name := "afflux-" + s.derived("name")[:8]
	if s.secure {
		return "__Host-" + name
	}
	return name
}

func (s session) cookieValue() string { return s.derived("session") }

func (s session) derived(purpose string) string {
	h := hmac.New(sha256.New, []byte(s.token))
	h.Write([]byte("afflux page " + purpose))
	return hex.EncodeToString(h.Sum(nil))
}

// same compares in constant time; hashing hides the length as well.
func same(given, want string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// refuse says how to be let in: to people as a page, since one who followed a
// link of another site has the cookie already, but did not send it.
func (s session) refuse(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("WWW-Authenticate", `Bearer realm="afflux"`)
	if r.URL.Path != "/" || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Error(w, "send the token of AFFLUX_TOKEN: Authorization: Bearer TOKEN", http.StatusUnauthorized)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = w.Write([]byte(`<!doctype html><html lang="en"><title>Afflux</title>
<p>Open this page once as <code>/?token=TOKEN</code>, with the token of AFFLUX_TOKEN.
<p>If you have done so and came here by a link: <a href="/">go on to the page</a>.
</html>
`))
}
