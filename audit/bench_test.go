package audit

import (
	"iter"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/rows"
)

// benchBook tells of writers that all did the same: an answer every millisecond, at
// an LSN that grows with it, the last thousandth by a node that was then lost.
type benchBook struct{ writers, each int64 }

func (b benchBook) Writers() (all []ledger.Account) {
	for id := range b.writers {
		all = append(all, ledger.Account{ID: int(id), Workload: "writes", Issued: b.each, Weak: roaring64.New(), Failed: roaring64.New(), Unknown: roaring64.New()})
	}
	return all
}

func (b benchBook) Entries(_ int, first, last int64) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		e := ledger.Entry{Outcome: record.OK, Server: ledger.Server{Node: "a", Timeline: 1, SystemID: "7349238472938472938"}}
		for e.Seq = first; e.Seq <= last; e.Seq++ {
			e.Done = time.Duration(e.Seq) * time.Millisecond
			e.Sent, e.LSN = e.Done-500*time.Microsecond, record.LSN(e.Seq*200)
			if !yield(e, nil) {
				return
			}
		}
	}
}

// BenchmarkTable audits 10 million keys of 64 writers on three nodes, of which a
// thousandth was lost by a failover, under a demand that is met.
func BenchmarkTable(b *testing.B) { benchAudit(b, 0) }

// BenchmarkTableInDoubt is the same, but the first of each writer's losses lies
// before the fork, so that the whole ledger has to show whether its commit does.
func BenchmarkTableInDoubt(b *testing.B) { benchAudit(b, 200) }

// benchAudit has the first lost write behind the fork by some bytes less.
func benchAudit(b *testing.B, less record.LSN) {
	const keys, writers = 10_000_000, 64
	book := benchBook{writers, keys / writers}
	kept := book.each - book.each/1000
	e := Evidence{
		Table: rows.Table{Name: "t"}, Book: book, Workloads: []string{"writes"}, Authority: "b",
		Lineage: record.Lineage{Timeline: 2, Forks: []record.Fork{{Timeline: 1, At: record.LSN(kept*200+1) + less}}},
		Demands: []record.Demand{{Node: "a", Standbys: 1, Names: []string{"b", "c"}}},
		States: map[string][]record.NodeState{"a": {
			sync(primary("a", 5, 1, 1), "on", "ANY 1 (b, c)"), sync(primary("a", 3600_000, 1, 1), "on", ""),
		}},
	}
	for _, n := range []string{"a", "b", "c"} {
		h := rows.NewHolding(e.Table, 0)
		for id := range book.writers {
			set := roaring64.New()
			last := kept
			if n == "a" {
				last = book.each
			}
			set.AddRange(1, uint64(last)+1)
			h.Written[int(id)] = set
			h.Rows += last
		}
		h.Seal()
		e.Nodes = append(e.Nodes, NodeHolding{Node: n, Holding: h})
	}
	b.ReportAllocs()
	for b.Loop() {
		a, err := Table(e)
		if err != nil || a.Lost.N != writers*(book.each/1000) || a.Unexplained != 0 || !a.Complete || a.Weak.Sum() != 0 {
			b.Fatal(err, a.Lost.N, a.Unexplained, a.Why, a.Weak)
		}
	}
}
