package runner

import "pgchaos/internal/redact"

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
