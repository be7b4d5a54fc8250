package pgload

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/internal/fakepg"
	"pgchaos/load"
	"pgchaos/record"
	"pgchaos/record/ledger"
)

func TestInsertParameters(t *testing.T) {
	for _, serial := range []bool{false, true} {
		t.Run(fmt.Sprintf("serial %v", serial), func(t *testing.T) {
			cl := newCluster(t, 1)
			cl.cfg.Clients, cl.cfg.Serial, cl.cfg.Table = 3, serial, "public.T"
			var keys []int64
			var values []string
			cl.servers[0].Columns = []string{"pg_current_wal_insert_lsn"}
			cl.servers[0].SetAnswer(func(_ string, params [][]byte) fakepg.Answer {
				if !serial {
					keys = append(keys, int64(binary.BigEndian.Uint64(params[0])))
					params = params[1:]
				}
				values = append(values, string(params[0]))
				lsn := binary.BigEndian.AppendUint64(nil, uint64(999+len(values)))
				return fakepg.Answer{Rows: [][]string{{string(lsn)}}, Tag: "INSERT 0 1"}
			})
			cl.bubble(t, func(w *Workload) {
				if !w.Writes() {
					t.Error("an insert does not write")
				}
				s := w.Open(2)
				once(s)
				once(s)
				s.Close()
			})
			want := []record.Key{record.PackKey(2, 1), record.PackKey(2, 2)}
			for i, k := range want {
				if !serial && keys[i] != int64(k) {
					t.Errorf("key %d, want %d", keys[i], k)
				}
				if values[i] != string(record.AppendPayload(nil, k, 20)) {
					t.Errorf("value %q", values[i])
				}
			}
			sql := `insert into "public"."T" (int_value, char_value) values ($1, $2) returning pg_catalog.pg_current_wal_insert_lsn()`
			if serial {
				sql = `insert into "public"."T" (char_value) values ($1) returning pg_catalog.pg_current_wal_insert_lsn()`
			}
			if got := cl.servers[0].Executed()[0]; got != sql {
				t.Errorf("%s, want %s", got, sql)
			}
			book := cl.book(t)
			all := entries(t, book, 2)
			for i, e := range all {
				want := ledger.Entry{
					Seq: int64(i) + 1, Outcome: record.OK, Server: ledger.Server{Node: "a", SystemID: "1", Timeline: 1},
					LSN: record.LSN(1000 + i), Done: time.Second,
				}
				if e != want {
					t.Errorf("ledger: %+v, want %+v", e, want)
				}
			}
			if w := book.Writers(); len(all) != 2 || len(w) != 3 || w[0].Issued != 0 || w[2].Workload != "writes" {
				t.Errorf("ledger: %d entries, %+v", len(all), w)
			}
		})
	}
}

func TestReadAsksForARandomWriter(t *testing.T) {
	cl := newCluster(t, 1)
	cl.cfg.Kind, cl.cfg.Progress = Read, progressOf(3)
	cl.servers[0].Columns = []string{"int_value", "char_value", "pg_is_in_recovery"}
	asked := map[int]int{}
	cl.servers[0].SetAnswer(func(_ string, params [][]byte) fakepg.Answer {
		low, high := record.Key(binary.BigEndian.Uint64(params[0])), record.Key(binary.BigEndian.Uint64(params[1]))
		if high.Writer() != low.Writer()+1 || low.Seq() != 0 || high.Seq() != 0 {
			t.Errorf("from %v to %v", low, high)
		}
		asked[low.Writer()]++
		if asked[low.Writer()] == 1 {
			return fakepg.Answer{} // no row yet
		}
		return fakepg.Answer{Rows: [][]string{{"1", "w0:1:", "f"}}}
	})
	cl.bubble(t, func(w *Workload) {
		if w.Writes() {
			t.Error("a read writes")
		}
		s := w.Open(0)
		for range 300 {
			if reply := once(s); reply.Outcome != record.OK {
				t.Fatalf("%+v", reply)
			}
		}
		s.Close()
	})
	for writer := range 3 {
		if asked[writer] < 30 { // one is the client's own, and asked for more often
			t.Errorf("writer %d was asked for %d times of 300", writer, asked[writer])
		}
	}
}

// TestReplicasEvenly: the share of a standby must not depend on who is primary.
func TestReplicasEvenly(t *testing.T) {
	cl := newCluster(t, 3)
	cl.cfg.Kind, cl.cfg.Target, cl.cfg.Clients = Read, Replicas, 8
	for _, s := range cl.servers {
		s.Columns = []string{"int_value", "char_value", "pg_is_in_recovery"}
		s.SetAnswer(func(string, [][]byte) fakepg.Answer { return fakepg.Answer{Delay: time.Millisecond} })
	}
	cl.drive(t, load.Config{}, func(l *load.Workload) {
		open := func() (n [3]int) {
			for i, s := range cl.servers {
				n[i] = s.Open()
			}
			return n
		}
		time.Sleep(100 * time.Millisecond)
		if n := open(); n != [3]int{0, 4, 4} {
			t.Errorf("connections %v", n)
		}
		cl.servers[1].SetRefuse(true)
		cl.servers[1].Kill()
		time.Sleep(100 * time.Millisecond)
		if n := open(); n != [3]int{0, 0, 8} {
			t.Errorf("with one standby down: connections %v", n)
		}
		cl.servers[1].SetRefuse(false)
		// c is promoted: its answers say so, and everybody leaves it.
		cl.servers[2].SetStandby(false)
		cl.servers[2].SetAnswer(func(string, [][]byte) fakepg.Answer {
			return fakepg.Answer{Rows: [][]string{{"1", "", "f"}}, Delay: time.Millisecond}
		})
		time.Sleep(2 * time.Second)
		if n := open(); n != [3]int{0, 8, 0} {
			t.Errorf("after a promotion: connections %v", n)
		}
		l.Stop()
		if rec := l.Record(); rec.Total.Outcomes[record.Unknown] > 4 || rec.Total.Outcomes[record.Failed] > 20 {
			t.Errorf("outcomes %v, %+v", rec.Total.Outcomes, rec.Errors)
		}
	})
}

func TestEachAndOneNode(t *testing.T) {
	for target, want := range map[string][3]int{Each: {2, 2, 1}, "b": {0, 5, 0}} {
		t.Run(target, func(t *testing.T) {
			cl := newCluster(t, 3)
			cl.cfg.Kind, cl.cfg.SQL, cl.cfg.Target, cl.cfg.Clients = SQL, []string{"select 1"}, target, 5
			cl.bubble(t, func(w *Workload) {
				sessions := make([]load.Session, 0, 5)
				for i := range 5 {
					s := w.Open(i)
					sessions = append(sessions, s)
					once(s)
				}
				var got [3]int
				for i, s := range cl.servers {
					got[i] = s.Open()
				}
				if got != want {
					t.Errorf("connections %v, want %v", got, want)
				}
				for _, s := range sessions {
					s.Close()
				}
				synctest.Wait()
			})
		})
	}
}

func TestWrites(t *testing.T) {
	for sql, want := range map[string]bool{
		"select 1":                              false,
		"  SELECT now()":                        false,
		"-- a comment\n /* another */ show all": false,
		"table t":                               false,
		"values (1)":                            false,
		"(select 1)":                            false,
		"with a as (select 1) select * from a":  false,
		"with a as (delete from t returning 1) select * from a": true,
		"with updated_rows as (select 1) select 1":              false,
		"insert into t values (1)":                              true,
		"update t set a = 1":                                    true,
		"call p()":                                              true,
		"vacuum":                                                true,
		"-- nothing":                                            true,
		"selection":                                             true,
	} {
		if got := writes(sql); got != want {
			t.Errorf("%q writes: %v", sql, got)
		}
	}
}

func TestQuoteTable(t *testing.T) {
	for table, want := range map[string][2]string{
		"t":                 {`"t"`, ""},
		"network.test_data": {`"network"."test_data"`, `"network"`},
		`a"b.C d`:           {`"a""b"."C d"`, `"a""b"`},
	} {
		if quoted, schema, err := quoteTable(table); quoted != want[0] || schema != want[1] || err != nil {
			t.Errorf("%s: %s in %s, %v", table, quoted, schema, err)
		}
	}
}

// TestBackoff doubles, stays within its bounds, and is the same for the same seed.
func TestBackoff(t *testing.T) {
	draw := func() (list []time.Duration) {
		random := rand.New(rand.NewPCG(7, 7))
		for n := range 12 {
			list = append(list, backoff(n+1, random))
		}
		return list
	}
	list := draw()
	for n, d := range list {
		most := min(500*time.Millisecond, 10*time.Millisecond<<n)
		if d < most/2 || d > most {
			t.Errorf("pause %d is %v, want %v to %v", n+1, d, most/2, most)
		}
	}
	if !slices.Equal(list, draw()) {
		t.Error("another pause with the same seed")
	}
}
