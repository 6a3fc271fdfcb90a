package api

import (
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// rules say who may ask for what.
type rules struct {
	session session
	// loopback: only this machine can reach the server.
	loopback bool
	// mayAsk: who reaches the server may ask something of the job, and not only
	// read: it is known who that is, by a token or a certificate, or it is somebody
	// on this machine.
	mayAsk bool
}

// guard lets through what may be asked: GET, and POST where something can be
// asked of the job, without a body; with a token only who knows it; on loopback
// without one only under a name of this machine, so that a web page cannot read
// the job through a DNS name that it points here (DNS rebinding). A page of
// another origin gets nothing but what a link can show. A POST must say that it is
// JSON, which such a page cannot send without being refused first (CSRF), and what
// a browser says of its origin must be right; where it shows by a cookie that it
// may, the browser must say so.
func guard(next http.Handler, is rules) http.Handler {
	origins := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		post := r.Method == http.MethodPost && asks(r.URL.Path)
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead && !post:
			if h.Set("Allow", "GET, HEAD"); asks(r.URL.Path) {
				h.Set("Allow", "GET, HEAD, POST")
			}
			http.Error(w, "only GET: this is to read", http.StatusMethodNotAllowed)
			return
		case r.ContentLength != 0:
			http.Error(w, "no request body, please", http.StatusRequestEntityTooLarge)
			return
		case is.loopback && is.session.token == "" && !isLocalName(r.Host):
			http.Error(w, "ask for this server as localhost or 127.0.0.1", http.StatusForbidden)
			return
		case is.session.opens(r):
			is.session.admit(w)
			return
		}
		shown := is.session.proves(r)
		switch {
		case shown == noProof && r.URL.Path != healthPath:
			is.session.refuse(w, r)
		case foreign(r), post && origins.Check(r) != nil, post && shown == byCookie && !ownPage(r):
			http.Error(w, "only the page of this server may ask for this, and programs that send no Origin, with the token in a header if there is one", http.StatusForbidden)
		case !is.mayAsk && (post || r.URL.Path == profilePath):
			http.Error(w, "this server does not know who asks: for this, run the job with a token in AFFLUX_TOKEN, or with --tls-client-ca", http.StatusForbidden)
		case post && !isJSON(r):
			http.Error(w, "send the header Content-Type: application/json, and no body", http.StatusUnsupportedMediaType)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// foreign tells whether a page of another origin asks, and not by a link that its
// reader follows. A profile costs processor time and a stream one of few places:
// not even a link leads there. Programs other than browsers say nothing of all
// this.
func foreign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "":
		return r.Header.Get("Origin") != "" && !sameOrigin(r)
	}
	follows := r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
	return !follows || r.URL.Path == profilePath || r.URL.Path == streamPath
}

// ownPage tells whether a browser says that the page of this server asks.
func ownPage(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	return sameOrigin(r)
}

// sameOrigin tells whether the Origin of a request is the server that it goes to.
// Its scheme is not compared: TLS may end before this server.
func sameOrigin(r *http.Request) bool {
	o, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && o.Host != "" && o.Host == r.Host
}

// Paths that have rules of their own.
const (
	healthPath  = "/api/v1/health"
	streamPath  = "/api/v1/stream"
	profilePath = "/api/v1/profile"
)

// asks tells whether something can be asked of the job at a path.
func asks(path string) bool { return path == "/api/v1/checkpoints" || path == "/api/v1/savepoints" }

func isJSON(r *http.Request) bool {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && t == "application/json"
}

// isLocalName tells whether a Host header, with or without a port, names the
// loopback interface.
func isLocalName(host string) bool {
	if h, port, err := net.SplitHostPort(host); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return false
		}
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Zone() == "" && ip.Unmap().IsLoopback()
}

// ErrAddress is what is wrong with the address to listen on: it is none, or other
// machines can reach it, and neither a token nor TLS keeps them out.
var ErrAddress = errors.New("listen address")

// checkLoopback refuses an address that other machines can reach.
func checkLoopback(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("%w %q: %w; write host:port, like 127.0.0.1:8080", ErrAddress, listen, err)
	}
	if host == "" || !isLocalName(host) {
		return notLoopback(listen)
	}
	return nil
}

func notLoopback(listen string) error {
	return fmt.Errorf("%w %q can be reached from other machines: use 127.0.0.1, or set a token in AFFLUX_TOKEN, or give --tls-cert and --tls-key", ErrAddress, listen)
}

func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
