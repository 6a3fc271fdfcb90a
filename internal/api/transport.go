package api

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/affluxdev/afflux/internal/pemfile"
)

// TLS names the files that the server identifies itself with.
type TLS struct {
	// Cert and Key are PEM files: the certificate with its chain, and its key.
	Cert, Key string
	// ClientCA, if set, is a PEM file with the certificates of authorities: a
	// client must then show a certificate that one of them has signed.
	ClientCA string
}

// ErrTLS is what is wrong with the files of TLS, or with how they were named.
var ErrTLS = errors.New("TLS")

// config reads the files. An error, which is an ErrTLS, names the file and says
// what is wrong with it.
func (t TLS) config(now time.Time) (*tls.Config, error) {
	if t == (TLS{}) {
		return nil, nil
	}
	c, err := t.read(now)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTLS, err)
	}
	return c, nil
}

func (t TLS) read(now time.Time) (*tls.Config, error) {
	if t.Cert == "" && t.Key == "" {
		return nil, errors.New("--tls-client-ca checks clients of a server with TLS: give --tls-cert and --tls-key as well")
	}
	cert, err := pemfile.Pair(t.Cert, t.Key, now)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if t.ClientCA == "" {
		return c, nil
	}
	if c.ClientCAs, err = pemfile.Authorities("--tls-client-ca", t.ClientCA); err != nil {
		return nil, err
	}
	c.ClientAuth = tls.RequireAndVerifyClientCert
	return c, nil
}
