package runner

import (
	"errors"
	"os"
	"path/filepath"

	"pgchaos/history/ledger"
)

// book writes the ledger in memory to a file, for the audit to read.
//
// TODO: remove, and read the file that the load writes while it runs.
func (r *run) book() (_ *ledger.Book, err error) {
	dir, err := os.MkdirTemp("", "pgchaos-ledger-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }() // an open file stays readable
	path := filepath.Join(dir, "ledger")
	l, err := ledger.Create(path, r.Run)
	if err != nil {
		return nil, err
	}
	for _, w := range r.loads.ledger.Writers() {
		into, err := l.AddWriter(w.Workload)
		if err != nil {
			return nil, err
		}
		for seq := range w.Issued {
			known, _ := w.Lookup(seq + 1)
			into.Record(into.Next(known.From), known.Outcome, l.AddServer(ledger.Server{Node: known.Node}), 0, known.To)
		}
	}
	if err := l.Close(); err != nil {
		return nil, err
	}
	return ledger.Open(path)
}
