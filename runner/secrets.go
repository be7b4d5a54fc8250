package runner

import (
	"errors"
	"fmt"

	"pgchaos/internal/redact"
	"pgchaos/record"
	"pgchaos/report/export"
)

// hiding are the options with no secret in what they hand on.
func (o Options) hiding(secrets *redact.Redactor) Options {
	o.Observer = &hidingObserver{o.Observer, secrets}
	if log := o.Log; log != nil {
		o.Log = func(format string, args ...any) { log("%s", redact.Short(secrets.Text(fmt.Sprintf(format, args...)))) }
	}
	if write := o.Sample; write != nil {
		o.Sample = func(s *export.Sample) {
			if s.Op.Err != nil {
				hidden := *s
				hidden.Op.Err = errors.New(redact.Short(secrets.Text(s.Op.Err.Error())))
				s = &hidden
			}
			write(s)
		}
	}
	return o
}

// hidingObserver is an Observer that gets no secret.
type hidingObserver struct {
	Observer
	secrets *redact.Redactor
}

func (h *hidingObserver) Stage(text string)    { h.Observer.Stage(redact.Short(h.secrets.Text(text))) }
func (h *hidingObserver) Note(text string)     { h.Observer.Note(redact.Short(h.secrets.Text(text))) }
func (h *hidingObserver) Begin(m record.Event) { h.Observer.Begin(redact.Of(h.secrets, m)) }
func (h *hidingObserver) End(m record.Event)   { h.Observer.End(redact.Of(h.secrets, m)) }

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
