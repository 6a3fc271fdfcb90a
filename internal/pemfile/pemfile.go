// Package pemfile reads certificates and keys from the files that flags name.
// Errors say the flag, the file, and what to do.
package pemfile

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"
)

// MaxBytes bounds a file.
const MaxBytes = 1 << 20

// Pair reads a certificate with its chain, named by --tls-cert, and its key, named
// by --tls-key. Neither may be missing, and now must not be after the end of the
// certificate.
func Pair(certFile, keyFile string, now time.Time) (tls.Certificate, error) {
	switch {
	case keyFile == "":
		return tls.Certificate{}, errors.New("--tls-cert needs the key of the certificate: give --tls-key as well")
	case certFile == "":
		return tls.Certificate{}, errors.New("--tls-key needs the certificate of the key: give --tls-cert as well")
	}
	certText, err := read("--tls-cert", certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyText, err := read("--tls-key", keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	cert, err := tls.X509KeyPair(certText, keyText)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certificate %s with key %s: %w; both must be PEM, the key without a passphrase, and belong together", certFile, keyFile, err)
	}
	if leaf := cert.Leaf; leaf != nil && now.After(leaf.NotAfter) {
		return tls.Certificate{}, fmt.Errorf("certificate %s has expired on %s: the other side would refuse it; renew it", certFile, leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return cert, nil
}

// Authorities reads the certificates of authorities from the file that the flag
// names.
func Authorities(flag, file string) (*x509.CertPool, error) {
	text, err := read(flag, file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s %s: it has no certificate in PEM form", flag, file)
	}
	return pool, nil
}

func read(flag, file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	if !info.Mode().IsRegular() || info.Size() > MaxBytes {
		return nil, fmt.Errorf("%s %s: it must be a PEM file of at most %d bytes", flag, file, MaxBytes)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return text, nil
}
