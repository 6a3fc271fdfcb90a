package remote

import (
	"crypto/tls"
	"sync/atomic"
	"time"

	"github.com/affluxdev/afflux/internal/pemfile"
)

// TLS names PEM files for a job that is served with TLS. Each may be empty.
type TLS struct {
	// CA has the authorities of which one must have signed the certificate of the
	// job. Those that the system trusts do not count then.
	CA string
	// Cert and Key are shown to a job that asks its clients for a certificate: the
	// certificate with its chain, and its key.
	Cert, Key string
}

// Register adds the flags that name the files.
func (t *TLS) Register(flags interface {
	StringVar(value *string, name, preset, usage string)
}) {
	flags.StringVar(&t.CA, "tls-ca", "", "PEM file of the authorities to trust, instead of the system's, for a job served with TLS")
	flags.StringVar(&t.Cert, "tls-cert", "", "PEM file of the certificate to show to a job with --tls-client-ca, and its chain")
	flags.StringVar(&t.Key, "tls-key", "", "PEM file of its key")
}

// config reads the files. Errors name the flag and the file. When the job asks for
// a certificate, asked becomes true.
func (t TLS) config(now time.Time, asked *atomic.Bool) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	var shown tls.Certificate
	var err error
	if t.CA != "" {
		if c.RootCAs, err = pemfile.Authorities("--tls-ca", t.CA); err != nil {
			return nil, err
		}
	}
	if t.Cert != "" || t.Key != "" {
		if shown, err = pemfile.Pair(t.Cert, t.Key, now); err != nil {
			return nil, err
		}
	}
	// Certificates would be held back from a job that names other authorities, and
	// nobody would know why it refuses.
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked.Store(true)
		return &shown, nil
	}
	return c, nil
}
