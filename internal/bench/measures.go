package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// measure is one thing that is measured; each has a row or more in the table.
type measure struct {
	name string
	take func(ctx context.Context, b *bench) ([]row, error)
}

// measures are in the order of the table.
func measures() (all []measure) {
	for _, c := range comparisons() {
		all = append(all, measure{c.name, c.take})
	}
	return append(all,
		measure{"recording", recording},
		measure{"open loop, 5,000/s for 30 s", openLoop},
		measure{"server stopped for 3 s at 500/s", stoppedServer},
		measure{"operations through a fake server", manyOperations},
		measure{"2,000 clients on 200 connections", manyClients},
	)
}

// emptyTable makes the table that both insert into, anew.
func (b *bench) emptyTable(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, b.server.node.ConnString(b.server.node.Credentials().Load, "bench"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }() // nothing is asked of it any more
	_, err = conn.Exec(ctx, `drop table if exists bench_data; create table bench_data (int_value bigint, char_value text)`)
	return err
}

// openLoop holds what was achieved against what was asked.
func openLoop(ctx context.Context, b *bench) ([]row, error) {
	const rate, span = 5000, 30 * time.Second
	a, o, err := b.ours(ctx, "open", processors(), job{Kind: "sql", SQL: "select 1", Pipeline: 1, Clients: 64, Rate: rate, Span: span})
	if err != nil {
		return nil, err
	}
	achieved := float64(a.Samples) / (rate * span.Seconds())
	b.logf("%d of %d sent, lateness median %s, p99 %s, max %s; %.1f%% of a core", a.Samples, a.Asked, a.Lateness[0], a.Lateness[1], a.Lateness[2],
		100*o.cpu.Seconds()/span.Seconds())
	return []row{
		measured("open loop, 5,000/s for 30 s: achieved / asked", "0.999 to 1.001", fmt.Sprintf("%.4f", achieved), math.Abs(achieved-1) <= 0.001),
		measured("the same: lateness of sending, p99", "<= 2 ms", inMillis(a.Lateness[1]), a.Lateness[1] <= 2*time.Millisecond),
	}, nil
}

// stoppedServer freezes the server under an open loop, and holds what is reported
// against arithmetic: of the arrivals of 3 s, those of the first 2 s wait for more than
// one; and the hundredth part of all has waited for 3 s less what a fiftieth of it took
// to arrive.
func stoppedServer(ctx context.Context, b *bench) ([]row, error) {
	const rate, span, stop = 500.0, 20 * time.Second, 3 * time.Second
	var freeze error
	var took time.Duration
	done := make(chan struct{})
	go func() {
		defer close(done)
		time.Sleep(8 * time.Second)
		begun := time.Now()
		if freeze = b.server.node.Pause(ctx); freeze != nil {
			return
		}
		time.Sleep(stop)
		took = time.Since(begun)
		freeze = b.server.node.Resume(context.WithoutCancel(ctx))
	}()
	a, _, err := b.ours(ctx, "stop", processors(), job{Kind: "sql", SQL: "select 1", Pipeline: 1, Clients: 16, Rate: rate, Span: span})
	<-done
	if err != nil || freeze != nil {
		return nil, errors.Join(err, freeze)
	}
	slow := (took - time.Second).Seconds() * rate
	p99 := took - time.Duration(0.01*span.Seconds()*float64(time.Second))
	b.logf("stopped for %s; more than 1 s: %d responses, %d services; p99: response %s, service %s",
		took.Round(time.Millisecond), a.SlowResponses, a.SlowServices, a.ResponseP99, a.ServiceP99)
	near := func(got, want float64) bool { return math.Abs(got/want-1) <= 0.02 }
	return []row{
		measured("server stopped for 3 s at 500/s: responses over 1 s", fmt.Sprintf("within 2 %% of %.0f", slow), fmt.Sprint(a.SlowResponses), near(float64(a.SlowResponses), slow)),
		measured("the same: p99 of the response time", fmt.Sprintf("within 2 %% of %.2f s", p99.Seconds()), fmt.Sprintf("%.2f s", a.ResponseP99.Seconds()), near(a.ResponseP99.Seconds(), p99.Seconds())),
		measured("the same, measured by service time, as closed loops do: over 1 s, and p99", "(to show the difference)", fmt.Sprintf("%d, and %s", a.SlowServices, inMillis(a.ServiceP99)), true),
	}, nil
}

// manyOperations looks whether memory stays flat.
func manyOperations(ctx context.Context, b *bench) ([]row, error) {
	a, o, err := b.ours(ctx, "fake", processors(), job{Kind: "sql", SQL: "select 1", Pipeline: 1, Clients: 8, Operations: b.operations, Fake: true})
	if err != nil {
		return nil, err
	}
	most, first := slices.Max(a.Memory), a.Memory[0]
	mib := func(n int64) float64 { return float64(n) / (1 << 20) }
	b.logf("%d operations, %.0f/s; MiB resident: %.0f at a tenth, %.0f at most", a.Samples, o.perSecond, mib(first), mib(most))
	return []row{measured(
		fmt.Sprintf("%d million operations through a fake server: resident memory", a.Samples/1_000_000), "flat, <= 100 MiB",
		fmt.Sprintf("%.0f MiB after a tenth, %.0f MiB at most", mib(first), mib(most)), most <= 100<<20 && mib(most)-mib(first) <= 10,
	)}, nil
}

// manyClients is more clients than connections.
func manyClients(ctx context.Context, b *bench) ([]row, error) {
	const rate, span = 5000, 20 * time.Second
	a, o, err := b.ours(ctx, "many", processors(), job{Kind: "sql", SQL: "select 1", Pipeline: 1, Clients: 2000, Connections: 200, Rate: rate, Span: span})
	if err != nil {
		return nil, err
	}
	achieved := float64(a.Samples) / (rate * span.Seconds())
	b.logf("%d sent, p99 %s; lateness median %s, p99 %s, max %s; %.1f%% of a core", a.Samples, a.ResponseP99, a.Lateness[0], a.Lateness[1], a.Lateness[2],
		100*o.cpu.Seconds()/span.Seconds())
	return []row{measured(
		"2,000 clients open on 200 connections, 5,000/s for 20 s", "works; lateness shown",
		fmt.Sprintf("%.4f of what was asked; lateness median %s, p99 %s, max %s", achieved, inMillis(a.Lateness[0]), inMillis(a.Lateness[1]), inMillis(a.Lateness[2])),
		achieved >= 0.999,
	)}, nil
}

func inMillis(d time.Duration) string { return fmt.Sprintf("%.2f ms", d.Seconds()*1000) }
