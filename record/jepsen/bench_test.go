package jepsen_test

import (
	"io"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"pgchaos/record"
	"pgchaos/record/jepsen"
	"pgchaos/record/ledger"
)

// BenchmarkHistory tells a million writes of 64 writers.
func BenchmarkHistory(b *testing.B) {
	const writers, each = 64, 1 << 14
	file := filepath.Join(b.TempDir(), "ledger.bin")
	l, err := ledger.Create(file, "run-1")
	if err != nil {
		b.Fatal(err)
	}
	server := l.AddServer(ledger.Server{Node: "a", Timeline: 1})
	for range writers {
		w, err := l.AddWriter("writes")
		if err != nil {
			b.Fatal(err)
		}
		for i := range each {
			at := time.Duration(i) * time.Millisecond
			w.Record(w.Next(at), record.OK, server, record.LSN(i+1), at+500*time.Microsecond)
		}
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	book, err := ledger.Open(file)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = book.Close() }() // it is only read
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		if _, err := (jepsen.Run{Book: book}).Write(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(writers*each), "ns/write")
	b.ReportMetric(float64(after.Sys-before.Sys)/(1<<20), "MiB")
}
