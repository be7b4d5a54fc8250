package rowscan_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"pgchaos/audit"
	"pgchaos/cluster"
	"pgchaos/cluster/rowscan"
	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/rows"
)

// costLedger writes the ledger of the rows of fillCost, each of which was acknowledged,
// and returns its path.
func costLedger(b *testing.B, rows int) string {
	path := filepath.Join(b.TempDir(), "ledger")
	book, err := ledger.Create(path, "cost")
	if err != nil {
		b.Fatal(err)
	}
	server := book.AddServer(ledger.Server{Node: "a", Timeline: 1, SystemID: "7300000000000000000"})
	var writers [costWriters]*ledger.Writer
	for i := range writers {
		if writers[i], err = book.AddWriter("writes"); err != nil {
			b.Fatal(err)
		}
	}
	for i := range rows {
		key, sent := costKey(i), time.Duration(i)*10*time.Microsecond
		w, done := writers[key.Writer()], sent+500*time.Microsecond
		seq := w.Next(sent)
		for ; seq > 0 && seq < key.Seq(); seq = w.Next(sent) {
			w.Record(seq, record.Failed, server, 0, done)
		}
		w.Record(seq, record.OK, server, record.LSN(1<<32+i*180), done)
	}
	if err := book.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}

// costAudit does all that the audit of a table costs once the load has ended: it opens
// the ledger, reads as many nodes as there are, all at once as an audit does, and judges.
// It returns the seconds, those of them that no server has a part in, and the MiB that
// this process had at most.
func costAudit(b *testing.B, a *cluster.Node, path string, table rows.Table, rows int64, connections int) (seconds, judged, peak float64) {
	peakAnew(b)
	began := time.Now()
	book, err := ledger.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = book.Close() }() // it was only read
	opened := time.Since(began)
	evidence := audit.Evidence{
		Table: table, Book: book, Workloads: []string{"writes"}, Authority: "a",
		Lineage: record.Lineage{Timeline: 1}, Nodes: make([]audit.NodeHolding, costNodes),
	}
	group, ctx := errgroup.WithContext(b.Context())
	for i := range evidence.Nodes {
		evidence.Nodes[i].Node = string(rune('a' + i))
		group.Go(func() (err error) {
			connect := func(ctx context.Context) (*pgx.Conn, error) { return a.Connect(ctx, "cost") }
			evidence.Nodes[i].Holding, err = rowscan.Scan(ctx, connect, table, rowscan.ScanOptions{Connections: connections})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	read := time.Now()
	audit, err := audit.Table(evidence)
	if err != nil || !audit.Complete || audit.Acknowledged != rows || audit.Lost.N+audit.Resurrected.N+audit.Foreign.N+audit.Corrupted.N+audit.Duplicated.N > 0 {
		b.Fatalf("%v; %+v", err, audit)
	}
	return time.Since(began).Seconds(), (opened + time.Since(read)).Seconds(), peakSoFar(b)
}
