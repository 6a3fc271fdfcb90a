package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
)

// guard lets through what may be asked: GET, and POST where something can be
// asked of the job, without a body; with a token only who knows it; on loopback
// without one only under a name of this machine, so that a web page cannot read
// the job through a DNS name that it points here (DNS rebinding). A POST must say
// that it is JSON, which a page of another origin cannot send without being
// refused first (CSRF), and what a browser says of its origin must be right.
func guard(next http.Handler, token string, loopback bool) http.Handler {
	origins := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		post := r.Method == http.MethodPost && asks(r.URL.Path)
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead && !post:
			if h.Set("Allow", "GET, HEAD"); asks(r.URL.Path) {
				h.Set("Allow", "GET, HEAD, POST")
			}
			http.Error(w, "only GET: this is to read", http.StatusMethodNotAllowed)
		case r.ContentLength != 0:
			http.Error(w, "no request body, please", http.StatusRequestEntityTooLarge)
		case loopback && token == "" && !isLocalName(r.Host):
			http.Error(w, "ask for this server as localhost or 127.0.0.1", http.StatusForbidden)
		case token != "" && r.URL.Path != healthPath && !authorized(r, token):
			h.Set("WWW-Authenticate", `Bearer realm="afflux"`)
			http.Error(w, "send the token of AFFLUX_TOKEN: Authorization: Bearer TOKEN", http.StatusUnauthorized)
		case post && origins.Check(r) != nil:
			http.Error(w, "a page of another origin must not ask for this", http.StatusForbidden)
		case post && !isJSON(r):
			http.Error(w, "send the header Content-Type: application/json, and no body", http.StatusUnsupportedMediaType)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

const healthPath = "/api/v1/health"

// asks tells whether something can be asked of the job at a path.
func asks(path string) bool { return path == "/api/v1/checkpoints" || path == "/api/v1/savepoints" }

func isJSON(r *http.Request) bool {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && t == "application/json"
}

// authorized compares in constant time; hashing hides the length as well.
func authorized(r *http.Request, token string) bool {
	scheme, given, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	want, got := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(strings.TrimSpace(given)))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
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

// checkLoopback refuses an address that other machines can reach.
func checkLoopback(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("listen address %q: %w; write host:port, like 127.0.0.1:8080", listen, err)
	}
	if host == "" || !isLocalName(host) {
		return notLoopback(listen)
	}
	return nil
}

func notLoopback(listen string) error {
	return fmt.Errorf("listen address %q can be reached from other machines: use 127.0.0.1, or set a token in AFFLUX_TOKEN", listen)
}

func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// limited is a listener with at most so many connections open; others wait in
// the backlog of the system.
type limited struct {
	net.Listener
	places chan struct{}
	closed chan struct{}
	once   sync.Once
}

func newLimited(l net.Listener, n int) *limited {
	return &limited{Listener: l, places: make(chan struct{}, n), closed: make(chan struct{})}
}

// Accept implements net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &placed{Conn: c, leave: sync.OnceFunc(func() { <-l.places })}, nil
}

// Close implements net.Listener.
func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// placed is a connection that gives its place back when closed.
type placed struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *placed) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
