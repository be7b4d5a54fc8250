package main

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
)

// output is standard output. It keeps its own first error apart from every other error:
// a broken pipe to a Docker engine is a failure, and a reader of ours that has seen
// enough, as `head` has, is none.
type output struct {
	to io.Writer

	mu  sync.Mutex
	err error
}

// outputError is an error of writing standard output.
type outputError struct{ err error }

func (e *outputError) Error() string { return fmt.Sprintf("write the output: %v", e.err) }
func (e *outputError) Unwrap() error { return e.err }

// closed tells whether the reader has gone, which is no failure.
func (e *outputError) closed() bool { return errors.Is(e.err, syscall.EPIPE) }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.to.Write(p)
	if err != nil {
		o.err = &outputError{err}
		return n, o.err
	}
	return n, nil
}

// failed is why not all of the output was written, where that is a failure.
func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if onlyClosed(o.err) {
		return nil
	}
	return o.err
}

// onlyClosed tells whether nothing is wrong but that the reader of standard output
// has gone; err may have been joined from many. It is true for nil.
func onlyClosed(err error) bool {
	switch e := err.(type) { //nolint:errorlint // each part of the chain is looked at by itself
	case nil:
		return true
	case *outputError:
		return e.closed()
	case interface{ Unwrap() error }:
		inner := e.Unwrap()
		return inner != nil && onlyClosed(inner)
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			if !onlyClosed(part) {
				return false
			}
		}
		return true
	}
	return false
}
