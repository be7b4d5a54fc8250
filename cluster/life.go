package cluster

// Life is one life of a node's main process: what a Host keeps to answer Exited and
// ExitStatus. The nil Life is that of a node before its first Start.
type Life struct {
	ended  chan struct{}
	status string // to be read after ended is closed
}

// NewLife is a life that has begun.
func NewLife() *Life { return &Life{ended: make(chan struct{})} }

// End says how it ended ("exit status 1", "signal: killed"). To be called once.
func (l *Life) End(status string) {
	l.status = status
	close(l.ended)
}

// Exited is closed when the life has ended; nil for the nil Life.
func (l *Life) Exited() <-chan struct{} {
	if l == nil {
		return nil
	}
	return l.ended
}

// Over tells whether the life has ended.
func (l *Life) Over() bool {
	select {
	case <-l.Exited():
		return true
	default:
		return false
	}
}

// ExitStatus is "" as long as the life lasts, and for the nil Life.
func (l *Life) ExitStatus() string {
	if !l.Over() {
		return ""
	}
	return l.status
}
