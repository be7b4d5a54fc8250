package fakepg

import (
	"bytes"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// backend is one connection.
type backend struct {
	*Server
	pg   *pgproto3.Backend
	in   chan pgproto3.FrontendMessage // closed when the client has gone
	gone chan struct{}                 // closed when the connection's server has ended

	sql    map[string]string // prepared statements by name
	bound  string            // the statement that was bound last
	params [][]byte
	failed bool // everything is skipped until Sync
	tx     byte
	// undescribed is while a query of the simple protocol is answered: the
	// client does not know the columns yet.
	undescribed bool
}

func (s *Server) serve(conn net.Conn) {
	pg := pgproto3.NewBackend(conn, conn)
	if !s.startUp(pg) {
		return
	}
	b := &backend{
		Server: s, pg: pg, in: make(chan pgproto3.FrontendMessage, 64), gone: make(chan struct{}),
		sql: map[string]string{}, tx: 'I',
	}
	defer close(b.gone)
	s.wg.Go(b.read)
	for m := range b.in {
		if !b.handle(m) || pg.Flush() != nil {
			return
		}
	}
}

// read goes on while an answer is delayed: net.Pipe has no buffer, and a client
// must never be held up by writing.
func (b *backend) read() {
	defer close(b.in)
	for {
		m, err := b.pg.Receive()
		if err != nil {
			return
		}
		select {
		case b.in <- copyMessage(m):
		case <-b.gone:
			return
		}
	}
}

// copyMessage detaches a message from the reader's buffers.
func copyMessage(m pgproto3.FrontendMessage) pgproto3.FrontendMessage {
	switch m := m.(type) {
	case *pgproto3.Parse:
		c := *m
		return &c
	case *pgproto3.Bind:
		c := *m
		c.Parameters = make([][]byte, len(m.Parameters))
		for i, p := range m.Parameters {
			c.Parameters[i] = append([]byte(nil), p...)
		}
		return &c
	case *pgproto3.Describe:
		c := *m
		return &c
	case *pgproto3.Query:
		c := *m
		return &c
	}
	return m
}

// processID and secretKey are those of every backend.
const processID = 1

func secretKey() []byte { return []byte{0, 0, 0, 1} }

// startUp does the handshake; false: this connection is over.
func (s *Server) startUp(pg *pgproto3.Backend) bool {
	m, err := pg.ReceiveStartupMessage()
	if err != nil {
		return false
	}
	if c, ok := m.(*pgproto3.CancelRequest); ok {
		var cancel func()
		s.set(func() { s.cancels++; cancel = s.cancel })
		if cancel != nil && c.ProcessID == processID && bytes.Equal(c.SecretKey, secretKey()) {
			cancel()
		}
		return false
	}
	var refusal *Answer
	s.set(func() { s.opened++; refusal = s.startup })
	if refusal != nil {
		time.Sleep(refusal.Delay)
		if refusal.Code != "" {
			pg.Send(errorResponse(*refusal, "FATAL"))
			_ = pg.Flush()
		}
		return false
	}
	pg.Send(&pgproto3.AuthenticationOk{})
	pg.Send(&pgproto3.ParameterStatus{Name: "server_version", Value: "15.0"})
	pg.Send(&pgproto3.BackendKeyData{ProcessID: processID, SecretKey: secretKey()})
	pg.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	return pg.Flush() == nil
}

func errorResponse(a Answer, severity string) *pgproto3.ErrorResponse {
	if a.Severity != "" {
		severity = a.Severity
	}
	return &pgproto3.ErrorResponse{Severity: severity, SeverityUnlocalized: severity, Code: a.Code, Message: "scripted " + a.Code}
}

// handle answers one message; false: the connection is over.
func (b *backend) handle(m pgproto3.FrontendMessage) bool {
	if _, sync := m.(*pgproto3.Sync); b.failed && !sync {
		_, terminate := m.(*pgproto3.Terminate)
		return !terminate
	}
	switch m := m.(type) {
	case *pgproto3.Terminate:
		return false
	case *pgproto3.Query:
		return b.query(m.String)
	case *pgproto3.Parse:
		return b.parse(m)
	case *pgproto3.Describe:
		b.describe(m.ObjectType == 'S')
	case *pgproto3.Bind:
		b.bound, b.params = b.sql[m.PreparedStatement], m.Parameters
		b.pg.Send(&pgproto3.BindComplete{})
	case *pgproto3.Execute:
		return b.execute(b.bound, b.params)
	case *pgproto3.Close:
		b.pg.Send(&pgproto3.CloseComplete{})
	case *pgproto3.Sync:
		b.failed = false
		b.pg.Send(&pgproto3.ReadyForQuery{TxStatus: b.tx})
	}
	return true
}

func (b *backend) parse(m *pgproto3.Parse) bool {
	var refuse func(string) Answer
	b.set(func() { refuse = b.Server.parse })
	if refuse != nil {
		if a := refuse(m.Query); a.Code != "" || a.Hang || a.Swallow {
			return b.give(a, false)
		}
	}
	b.sql[m.Name] = m.Query
	b.bound = m.Query
	b.pg.Send(&pgproto3.ParseComplete{})
	return true
}

// describe tells parameters (all bigint, as many as $n occur) and columns.
func (b *backend) describe(statement bool) {
	if statement {
		var oids []uint32
		for i := 1; strings.Contains(b.bound, fmt.Sprintf("$%d", i)); i++ {
			oids = append(oids, 20)
		}
		b.pg.Send(&pgproto3.ParameterDescription{ParameterOIDs: oids})
	}
	if asksIdentity(b.bound) {
		b.rowDescription([]string{"system_identifier", "timeline"})
		return
	}
	if !b.hasColumns() {
		b.pg.Send(&pgproto3.NoData{})
		return
	}
	b.rowDescription(b.Columns)
}

// asksIdentity tells the one statement that clients send by themselves when they
// have connected.
func asksIdentity(sql string) bool { return strings.Contains(sql, "pg_control_system()") }

func (b *backend) identify() {
	system, timeline := "1", 1
	b.set(func() {
		if b.system != "" {
			system, timeline = b.system, b.timeline
		}
		if b.standby {
			timeline = 0
		}
	})
	b.rows([][]string{{system, strconv.Itoa(timeline)}})
	b.pg.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")})
}

func (b *backend) hasColumns() bool { return len(b.Columns) > 0 }

func (b *backend) rowDescription(names []string) {
	fields := make([]pgproto3.FieldDescription, len(names))
	for i, name := range names {
		fields[i] = pgproto3.FieldDescription{Name: []byte(name), DataTypeOID: 25, DataTypeSize: -1, TypeModifier: -1}
	}
	b.pg.Send(&pgproto3.RowDescription{Fields: fields})
}

// query answers the simple protocol: pgx asks in it for the role while it connects.
func (b *backend) query(sql string) bool {
	var value string
	b.set(func() {
		switch sql {
		case "show transaction_read_only":
			value = map[bool]string{false: "off", true: "on"}[b.standby || b.readOnly]
		case "select pg_is_in_recovery()":
			value = map[bool]string{false: "f", true: "t"}[b.standby]
		}
	})
	if value == "" {
		b.undescribed = true
		ok := b.execute(sql, nil)
		b.undescribed = false
		if !ok {
			return false
		}
	} else {
		b.rowDescription([]string{"value"})
		b.rows([][]string{{value}})
		b.pg.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")})
	}
	b.failed = false
	b.pg.Send(&pgproto3.ReadyForQuery{TxStatus: b.tx})
	return true
}

func (b *backend) rows(rows [][]string) {
	for _, row := range rows {
		values := make([][]byte, len(row))
		for i, v := range row {
			values[i] = []byte(v)
		}
		b.pg.Send(&pgproto3.DataRow{Values: values})
	}
}

func (b *backend) execute(sql string, params [][]byte) bool {
	if asksIdentity(sql) {
		b.identify()
		return true
	}
	var answer func(string, [][]byte) Answer
	b.set(func() {
		if !b.forget {
			b.executed = append(b.executed, sql)
		}
		answer = b.answer
	})
	var a Answer
	if answer != nil {
		a = answer(sql, params)
	}
	return b.give(a, true)
}

// give plays an answer; false: the connection is over.
func (b *backend) give(a Answer, executing bool) bool {
	time.Sleep(a.Delay)
	if a.Swallow {
		for range b.in { // until the client has gone
		}
		return false
	}
	if a.Hang {
		return false
	}
	if a.TxStatus != 0 {
		b.tx = a.TxStatus
	}
	if a.Notice != nil {
		b.pg.Send(&pgproto3.NoticeResponse{
			Severity: "WARNING", SeverityUnlocalized: "WARNING", Code: a.Notice.Code, Routine: a.Notice.Routine, Message: "scripted",
		})
	}
	if a.Code != "" {
		e := errorResponse(a, "ERROR")
		b.pg.Send(e)
		b.failed = true
		return b.pg.Flush() == nil && e.Severity == "ERROR"
	}
	if executing {
		if b.undescribed && len(a.Rows) > 0 {
			b.rowDescription(b.Columns)
		}
		b.rows(a.Rows)
		b.pg.Send(&pgproto3.CommandComplete{CommandTag: []byte(b.tag(a))})
	}
	if a.HangAfter {
		_ = b.pg.Flush() // the client may have gone; it is over either way
		return false
	}
	return true
}

func (b *backend) tag(a Answer) string {
	switch {
	case a.Tag != "":
		return a.Tag
	case b.hasColumns():
		return fmt.Sprintf("SELECT %d", len(a.Rows))
	}
	return "INSERT 0 1"
}
