package runner

import (
	"errors"

	"pgchaos/internal/redact"
	"pgchaos/report/export"
)

// hiding are the options with no secret in the samples that they hand on.
func (o Options) hiding(secrets *redact.Redactor) Options {
	if o.Samples != nil {
		o.Samples = hidingSamples{o.Samples, secrets}
	}
	return o
}

// sample is nil where nobody wants samples, so that none are made.
func (o Options) sample() func(*export.Sample) {
	if o.Samples == nil {
		return nil
	}
	return o.Samples.Write
}

// hidingSamples are Samples that get no secret.
type hidingSamples struct {
	Samples
	secrets *redact.Redactor
}

func (h hidingSamples) Write(s *export.Sample) {
	if s.Op.Err != nil {
		hidden := *s
		hidden.Op.Err = errors.New(redact.Short(h.secrets.Text(s.Op.Err.Error())))
		s = &hidden
	}
	h.Samples.Write(s)
}

// hiddenError is an error whose text has no secret; what it wraps can still be asked for.
type hiddenError struct {
	text string
	err  error
}

func (h *hiddenError) Error() string { return h.text }
func (h *hiddenError) Unwrap() error { return h.err }

// hideError hides the secrets in an error's text.
func hideError(secrets *redact.Redactor, err error) error {
	if err == nil {
		return nil
	}
	return &hiddenError{secrets.Text(err.Error()), err}
}
