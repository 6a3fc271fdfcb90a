package api

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"
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

// maxPEMBytes bounds the files.
const maxPEMBytes = 1 << 20

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
	switch {
	case t.Cert == "" && t.Key == "":
		return nil, errors.New("--tls-client-ca checks clients of a server with TLS: give --tls-cert and --tls-key as well")
	case t.Key == "":
		return nil, errors.New("--tls-cert needs the key of the certificate: give --tls-key as well")
	case t.Cert == "":
		return nil, errors.New("--tls-key needs the certificate of the key: give --tls-cert as well")
	}
	certText, err := readPEM("--tls-cert", t.Cert)
	if err != nil {
		return nil, err
	}
	keyText, err := readPEM("--tls-key", t.Key)
	if err != nil {
		return nil, err
	}
	cert, err := tls.X509KeyPair(certText, keyText)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w; both must be PEM, and belong together", t.Cert, t.Key, err)
	}
	if leaf := cert.Leaf; leaf != nil && now.After(leaf.NotAfter) {
		return nil, fmt.Errorf("certificate %s has expired on %s: clients would refuse it; renew it", t.Cert, leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	c := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if t.ClientCA == "" {
		return c, nil
	}
	text, err := readPEM("--tls-client-ca", t.ClientCA)
	if err != nil {
		return nil, err
	}
	c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !c.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("--tls-client-ca %s: it has no certificate in PEM form", t.ClientCA)
	}
	return c, nil
}

func readPEM(flag, name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxPEMBytes {
		return nil, fmt.Errorf("%s %s: it must be a PEM file of at most %d bytes", flag, name, maxPEMBytes)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return text, nil
}
