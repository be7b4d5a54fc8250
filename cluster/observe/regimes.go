package observe

import "pgchaos/record"

// seeRegime notifies of a change of what the commits of a primary wait for. What a node has that has just been
// promoted is no change. mu is held.
func (w *Watcher) seeRegime(now record.NodeState) {
	was, primary := w.regimes[now.Node]
	switch {
	case !now.Reachable || now.AcceptsWrites() && now.SyncCommit == "": // it says nothing
		return
	case !now.AcceptsWrites():
		delete(w.regimes, now.Node)
	default:
		w.regimes[now.Node] = now
	}
	if primary && (!now.AcceptsWrites() || now.SyncNames != was.SyncNames || now.SyncCommit != was.SyncCommit) {
		w.notify(Change{Kind: RegimeChanged, Node: now.Node, Since: was.Asked, At: now.At, Was: was, Is: now})
	}
}
