package cluster

import (
	"errors"
	"fmt"
)

// Remark is the error of a removal that has left nothing behind, and yet has something to say: a file that pgchaos
// reads was not as PostgreSQL writes it.
//
//nolint:errname // nothing failed
type Remark struct{ Err error }

func (r *Remark) Error() string { return r.Err.Error() }

// IsRemark tells whether the error of a removal says that nothing was left behind.
func IsRemark(err error) bool {
	_, ok := errors.AsType[*Remark](err)
	return ok
}

// JoinRemovals joins errors of removals. They are a Remark only if each of them is one.
func JoinRemovals(errs ...error) error {
	var left, remarks []error
	for _, err := range errs {
		switch {
		case err == nil:
		case IsRemark(err):
			remarks = append(remarks, err)
		default:
			left = append(left, err)
		}
	}
	switch {
	case len(remarks) == 0:
		return errors.Join(left...)
	case len(left) == 0:
		return &Remark{errors.Join(remarks...)}
	}
	return fmt.Errorf("%w\n%s", errors.Join(left...), errors.Join(remarks...).Error())
}
