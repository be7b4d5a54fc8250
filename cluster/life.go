package cluster

import "time"

// Life is one life of a node's main process. The nil Life is that of a node before its
// first Start.
type Life struct {
	ended  chan struct{}
	status string // this and at are to be read after ended is closed
	at     time.Time
}

// NewLife is a life that has begun.
func NewLife() *Life { return &Life{ended: make(chan struct{})} }

// End says how it ended ("exit status 1", "signal: killed"), and when. To be called once.
func (l *Life) End(status string, at time.Time) {
	l.status, l.at = status, at
	close(l.ended)
}

// Ended is closed when the life is over; nil for the nil Life.
func (l *Life) Ended() <-chan struct{} {
	if l == nil {
		return nil
	}
	return l.ended
}

// Over tells whether the life has ended.
func (l *Life) Over() bool {
	select {
	case <-l.Ended():
		return true
	default:
		return false
	}
}

// Exit is how and when the life ended; "" as long as it lasts, and for the nil Life.
func (l *Life) Exit() (status string, at time.Time) {
	if !l.Over() {
		return "", time.Time{}
	}
	return l.status, l.at
}
