package runner

import "sync/atomic"

// primary is the name of the node that is the primary now, as the watch has seen it: for
// the clients that go by the topology. The zero value knows nobody.
type primary struct{ watch atomic.Pointer[watch] }

// of has it told by a watch from now on.
func (p *primary) of(w *watch) { p.watch.Store(w) }

// name is cheap enough to be asked before every operation; "": no node accepts writes,
// or nobody knows.
func (p *primary) name() string {
	if w := p.watch.Load(); w != nil {
		if name := w.writable.Load(); name != nil {
			return *name
		}
	}
	return ""
}
