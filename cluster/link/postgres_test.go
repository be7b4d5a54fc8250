package link_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster/link"
	"pgchaos/internal/plaincluster"
)

// BenchmarkPostgres is the throughput of 8 clients of a real server, directly and through an idle relay: one second each in turn for
// every iteration, so that what else the machine does slows both. It reports the medians, and what the relay costs in the median pair. Inserts
// wait for the disk, with synchronous=on for a standby, too. Reads wait for nothing: a relay takes processor time from the server itself.
func BenchmarkPostgres(b *testing.B) {
	c := plaincluster.StartOnDisk(b)
	primary := func(sql string) { c.SQL(b, "n1", "postgres", sql) }
	c.SQL(b, "n1", plaincluster.Database, "create table relayed (id int generated always as identity primary key, text text)")
	c.SQL(b, "n1", plaincluster.Database, "insert into relayed (text) select 'before' from generate_series(1, 1000)")
	direct := fmt.Sprintf("127.0.0.1:%d", c.Ports["n1"])
	relay, err := link.Listen("127.0.0.1:0", direct)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = relay.Close() })

	const insert, read = "insert into relayed (text) values ('a row of some length, as the writers have it')", "select text from relayed where id = 42"
	for _, of := range []struct{ name, standbys, state, sql string }{
		{"insert", "", "async", insert},
		{"insert/synchronous=on", "n2", "sync", insert},
		{"read", "", "async", read},
	} {
		b.Run(of.name, func(b *testing.B) {
			primary(fmt.Sprintf("alter system set synchronous_standby_names = '%s'", of.standbys))
			primary("select pg_reload_conf()")
			for c.Get(b, "n2", "postgres", "show fsync") != "on" || c.Get(b, "n1", "postgres", "select sync_state from pg_stat_replication") != of.state {
				time.Sleep(10 * time.Millisecond)
			}
			near, far := eightClients(b, direct, of.sql), eightClients(b, relay.Address(), of.sql)
			var directly, relayed, cost []float64
			for b.Loop() {
				d, r := near(time.Second), far(time.Second)
				directly, relayed, cost = append(directly, d), append(relayed, r), append(cost, 100*(1-r/d))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(directly), "direct/s")
			b.ReportMetric(median(relayed), "relay/s")
			b.ReportMetric(median(cost), "cost%")
		})
	}
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// eightClients connect. The function that they return has them do a statement for a time, and tells how often they did it in a second.
func eightClients(b *testing.B, address, sql string) func(time.Duration) float64 {
	clients := make([]*pgx.Conn, 8)
	for i := range clients {
		conn, err := pgx.Connect(b.Context(), "postgres://postgres@"+address+"/"+plaincluster.Database+"?sslmode=disable")
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = conn.Close(context.WithoutCancel(b.Context())) })
		if _, err := conn.Exec(b.Context(), sql); err != nil { // which prepares it
			b.Fatal(err)
		}
		clients[i] = conn
	}
	return func(most time.Duration) float64 {
		var done atomic.Int64
		var wg sync.WaitGroup
		begun := time.Now()
		for _, conn := range clients {
			wg.Go(func() {
				for time.Since(begun) < most {
					if _, err := conn.Exec(b.Context(), sql); err != nil {
						b.Error(err)
						return
					}
					done.Add(1)
				}
			})
		}
		wg.Wait()
		return float64(done.Load()) / time.Since(begun).Seconds()
	}
}
