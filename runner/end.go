package runner

import (
	"context"
	"errors"
	"slices"

	"pgchaos/report"
)

// end cleans up, whatever happened before: load, watchers, cluster, in this order.
func (r *run) end(ctx context.Context, failed error) error {
	ctx, cancel := until(context.WithoutCancel(ctx), r.EndAtOnce)
	defer cancel()
	r.doing.Store(isRemoving)
	var errs []error
	if r.loads != nil {
		r.loads.close()
	}
	if r.readings != nil {
		r.readings.end()
	}
	if r.own != nil {
		r.own.end()
	}
	if r.book != nil {
		errs = append(errs, r.book.Close())
	}
	takenBack, left := r.takeBack(ctx)
	if r.watch != nil { // by it the reversals see what the nodes are
		r.watch.End()
	}
	if r.journal != nil {
		if err := r.journal.close(); err != nil { // it is for those who come after a kill
			r.note("", err.Error())
		}
	}
	ended := r.result.Interrupted && r.result.Stage == "" && onlyCanceled(failed) // then nothing went wrong
	if failed != nil && !ended {
		r.result.Errors = append(r.result.Errors, failed.Error())
	}
	if r.cluster != nil {
		if err := r.keepLogs(ctx); err != nil { // which takes nothing from the verdict
			r.result.Errors = append(r.result.Errors, err.Error())
		}
	}
	r.judge()
	errs = append(errs, r.write(r.result.Stage))
	r.session.ended(r, failed == nil && takenBack && r.result.Stage == report.StageChecked)
	if (left == nil || r.Keep) && r.session.single { // else `clean` needs the cluster to find the run
		left = errors.Join(left, r.session.close(ctx, r.sinks))
	}
	if left != nil {
		errs = append(errs, left)
		r.result.Errors = append(r.result.Errors, left.Error())
		errs = append(errs, r.write(r.result.Stage))
	}
	return errors.Join(errs...)
}

// onlyCanceled tells whether an error and all that are joined in it come of a context that was canceled.
func onlyCanceled(err error) bool {
	var several interface{ Unwrap() []error }
	if errors.As(err, &several) {
		return !slices.ContainsFunc(several.Unwrap(), func(err error) bool { return !onlyCanceled(err) })
	}
	return errors.Is(err, context.Canceled)
}
