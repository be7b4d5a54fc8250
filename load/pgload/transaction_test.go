package pgload

import (
	"testing"

	"pgchaos/internal/fakepg"
	"pgchaos/record"
)

// inTransactions answers as a server with transactions does. It gives a certain answer to
// one statement, known by its first word and how often it came.
func inTransactions(word string, nth int, answer fakepg.Answer) func(sql string, params [][]byte) fakepg.Answer {
	came := 0
	tx := byte('I')
	return func(sql string, _ [][]byte) fakepg.Answer {
		this := firstWord(sql)
		a := fakepg.Answer{}
		if this == word {
			if came++; came == nth {
				a = answer
			}
		}
		switch {
		case a.Code != "" && tx == 'T':
			tx = 'E'
		case this == "begin":
			a.Tag, tx = "BEGIN", 'T'
		case this == "commit" || this == "rollback":
			tx = 'I'
			if a.Tag == "" {
				a.Tag = "COMMIT"
			}
		}
		if a.Code != "" && this == "commit" {
			tx = 'I'
		}
		a.TxStatus = tx
		return a
	}
}

// TestOutcomesOfTransactions: what is certain of several writes that are acknowledged
// together, by where the answer breaks off.
func TestOutcomesOfTransactions(t *testing.T) {
	transaction, pipeline := Work{Kind: Insert, Statements: 3, Payload: 10}, Work{Kind: Insert, Pipeline: 3, Payload: 10}
	rows := Work{Kind: Insert, Rows: 2, Payload: 10}
	for _, c := range []struct {
		why    string
		work   Work
		word   string
		nth    int
		answer fakepg.Answer
		want   record.Outcome
		kind   string
		stays  bool
	}{
		{"acknowledged", transaction, "", 0, fakepg.Answer{}, record.OK, "", true},
		{"weakly", transaction, "commit", 1, fakepg.Answer{Notice: &fakepg.Notice{Code: "01000", Routine: "SyncRepWaitForLSN"}}, record.Weak, "01000", true},
		{"lost at BEGIN", transaction, "begin", 1, fakepg.Answer{Hang: true}, record.Failed, "eof", false},
		{"an error of BEGIN", transaction, "begin", 1, fakepg.Answer{Code: "57P03"}, record.Failed, "57P03", false},
		{"lost before COMMIT", transaction, "insert", 2, fakepg.Answer{Hang: true}, record.Failed, "eof", false},
		{"an error before COMMIT", transaction, "insert", 3, fakepg.Answer{Code: "23505"}, record.Failed, "23505", true},
		{"cancelled before COMMIT", transaction, "insert", 3, fakepg.Answer{Code: "57014"}, record.Failed, "57014", true},
		{"FATAL before COMMIT", transaction, "insert", 1, fakepg.Answer{Code: "57P01", Severity: "FATAL"}, record.Failed, "57P01", false},
		{"a row was not stored", transaction, "insert", 2, fakepg.Answer{Tag: "INSERT 0 0"}, record.Failed, "no row", true},
		{"lost at COMMIT", transaction, "commit", 1, fakepg.Answer{Hang: true}, record.Unknown, "eof", false},
		{"lost behind the answer to COMMIT", transaction, "commit", 1, fakepg.Answer{HangAfter: true}, record.Unknown, "eof", false},
		{"cancelled at COMMIT", transaction, "commit", 1, fakepg.Answer{Code: "57014"}, record.Unknown, "57014", false},
		{"terminated at COMMIT", transaction, "commit", 1, fakepg.Answer{Code: "57P01", Severity: "FATAL"}, record.Unknown, "57P01", false},
		{"an error of COMMIT", transaction, "commit", 1, fakepg.Answer{Code: "23505"}, record.Failed, "23505", true},
		{"COMMIT answered by ROLLBACK", transaction, "commit", 1, fakepg.Answer{Tag: "ROLLBACK"}, record.Failed, "rollback", true},
		{"a pipeline", pipeline, "", 0, fakepg.Answer{}, record.OK, "", true},
		{"lost in a pipeline", pipeline, "insert", 2, fakepg.Answer{Hang: true}, record.Unknown, "eof", false},
		{"lost behind the last answer of a pipeline", pipeline, "insert", 3, fakepg.Answer{HangAfter: true}, record.Unknown, "eof", false},
		{"an error in a pipeline", pipeline, "insert", 2, fakepg.Answer{Code: "23505"}, record.Failed, "23505", true},
		{"cancelled in a pipeline", pipeline, "insert", 3, fakepg.Answer{Code: "57014"}, record.Unknown, "57014", false},
		{"a row of a pipeline was not stored", pipeline, "insert", 2, fakepg.Answer{Tag: "INSERT 0 0"}, record.Unknown, "no row", false},
		{"both rows", rows, "insert", 1, fakepg.Answer{Tag: "INSERT 0 2"}, record.OK, "", true},
		{"one of two rows", rows, "insert", 1, fakepg.Answer{Tag: "INSERT 0 1"}, record.Unknown, "no row", false},
		{"none of two rows", rows, "insert", 1, fakepg.Answer{Tag: "INSERT 0 0"}, record.Failed, "no row", true},
	} {
		t.Run(c.why, func(t *testing.T) {
			cl := newCluster(t, 1)
			cl.cfg.Work, cl.cfg.Progress = c.work, NewWriterProgress()
			cl.servers[0].SetAnswer(inTransactions(c.word, c.nth, c.answer))
			cl.bubble(t, func(w *Workload) {
				s := w.Open(0)
				reply := once(s)
				if reply.Outcome != c.want || reply.Kind != c.kind {
					t.Errorf("%v %q (%v), want %v %q", reply.Outcome, reply.Kind, reply.Err, c.want, c.kind)
				}
				if stays := s.(*session).conn.pooled != nil; stays != c.stays {
					t.Errorf("the connection is kept: %v", stays)
				}
				s.Close()
				n := int64(max(c.work.Rows, c.work.Statements, c.work.Pipeline))
				acked, _ := cl.cfg.Progress.Acked(0)
				if issued := cl.cfg.Progress.Issued(0); issued != n || (acked == n) != c.want.Acknowledged() || acked != 0 && acked != n {
					t.Errorf("readers are told that %d were issued, and %d acknowledged", issued, acked)
				}
				if got := counts(cl.book(t)); got[c.want] != n {
					t.Errorf("ledger: %v, want %d %v", got, n, c.want)
				}
			})
		})
	}
}
