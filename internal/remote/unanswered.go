package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
)

// NoAnswer is the error when nothing answers, or what does breaks off.
type NoAnswer struct{ Err error }

// Error implements error.
func (e *NoAnswer) Error() string { return e.Err.Error() }

// Unwrap returns what was wrong.
func (e *NoAnswer) Unwrap() error { return e.Err }

// unanswered says what to do where there was no answer.
func (j *Job) unanswered(err error) error {
	var untrusted *tls.CertificateVerificationError
	late := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
	// A job that refuses a certificate breaks off, and may not come to say why.
	refused := j.asked.Load() && !j.answered && !late
	switch {
	case errors.As(err, &untrusted):
		return fmt.Errorf("the certificate of the job is not trusted here: %w; %s", err, j.untrusted(untrusted.Err))
	case errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("%w: what answers there has no TLS; write http:// if it is the job, without the flags of TLS", err)
	case refused && j.files.Cert == "":
		return fmt.Errorf("%w: the job asks its clients for a certificate; give --tls-cert and --tls-key", err)
	case refused:
		return fmt.Errorf("%w: the job does not take the certificate in %s; it must be for clients, be valid now, and be signed by an authority in the job's --tls-client-ca", err, j.files.Cert)
	}
	return fmt.Errorf("no job answers: %w; is it running, with --listen at that address?", err)
}

// untrusted says what to do about a certificate of the job.
func (j *Job) untrusted(err error) string {
	var name x509.HostnameError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &name):
		return "write the address with a name that the certificate is for"
	case !errors.As(err, &unknown):
		return "give the job another certificate"
	case j.files.CA != "":
		return fmt.Sprintf("--tls-ca %s does not have the authority that signed it", j.files.CA)
	}
	return "name the file of the authority that signed it in --tls-ca"
}
