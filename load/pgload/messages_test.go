package pgload

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// message is one of the protocol.
func message(kind byte, body []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4)), body...)
}

// inPieces reads at most so many bytes at a time, and then fails.
type inPieces struct {
	rest []byte
	size func() int
	end  error
}

func (p *inPieces) read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, p.end
	}
	n := copy(b, p.rest[:min(p.size(), len(p.rest))])
	p.rest = p.rest[n:]
	return n, nil
}

// TestMessagesInPieces of any size are the same as at once.
func TestMessagesInPieces(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var stream []byte
	var bodies [][]byte
	for i := range 300 {
		length := []int{0, 1, 4, 5, 60, messageBuffer - messageHead, messageBuffer, 3 * messageBuffer}[random.IntN(8)]
		body := bytes.Repeat([]byte{byte(i)}, length)
		bodies = append(bodies, body)
		stream = append(stream, message(byte('A'+i%26), body)...)
	}
	for name, size := range map[string]func() int{
		"one byte": func() int { return 1 }, "at once": func() int { return len(stream) },
		"as it comes": func() int { return 1 + random.IntN(2*messageBuffer) }, "nothing now and then": func() int { return random.IntN(100) },
	} {
		t.Run(name, func(t *testing.T) {
			b := messageReader{read: (&inPieces{stream, size, io.EOF}).read}
			for i, want := range bodies {
				kind, body, err := b.next()
				if err != nil || kind != byte('A'+i%26) || !bytes.Equal(body, want) {
					t.Fatalf("message %d: %q, %d bytes, %v", i, kind, len(body), err)
				}
			}
			if _, _, err := b.next(); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Error(err)
			}
			if b.empty(); len(b.buffer) > messageBuffer {
				t.Errorf("%d bytes are kept", len(b.buffer))
			}
		})
	}
}

// TestWhatIsNoMessage is an error. Nothing waits for it or allocates memory for it.
func TestWhatIsNoMessage(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name   string
		stream []byte
		want   error
	}{
		{"the connection breaks", message('Z', []byte("I"))[:3], broken},
		{"a length below its own", []byte{'Z', 0, 0, 0, 3}, errProtocol},
		{"a length beyond everything", []byte{'Z', 0x7f, 0xff, 0xff, 0xff}, errProtocol},
		{"a negative length", []byte{'Z', 0xff, 0xff, 0xff, 0xff}, errProtocol},
	} {
		b := messageReader{read: (&inPieces{tt.stream, func() int { return 100 }, broken}).read}
		if _, _, err := b.next(); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestWhatTheServerMayNotSay ends the connection, and never the program.
func TestWhatTheServerMayNotSay(t *testing.T) {
	for name, stream := range map[string][]byte{
		"an unknown kind":             message('?', nil),
		"a state of no length":        message('Z', nil),
		"a row that is cut off":       message('D', []byte{0, 2, 0, 0, 0, 1, 'x'}),
		"a row of no length":          message('D', nil),
		"a value longer than its row": message('D', []byte{0, 1, 0, 0, 0, 9, 'x'}),
		"a value of less than NULL":   message('D', []byte{0, 1, 0xff, 0xff, 0xff, 0xfe}),
		"a tag without an end":        message('C', []byte("INSERT 0 1")),
		"an error without an end":     message('E', []byte("SERROR")),
		"columns that are cut off":    message('T', []byte{0, 1, 'x'}),
		"a notice without an end":     message('N', []byte("SWARNING")),
	} {
		t.Run(name, func(t *testing.T) {
			c := newConn(&Workload{})
			c.answers = noAnswers{}
			c.messages.read = (&inPieces{append(stream, message('Z', []byte("I"))...), func() int { return 1000 }, io.EOF}).read
			if err := c.receive(); err == nil || !c.broken {
				t.Errorf("%v, broken: %v", err, c.broken)
			}
		})
	}
}

// FuzzInbox: what we make of a stream is what pgx makes of it, message by message.
func FuzzInbox(f *testing.F) {
	f.Add(slices.Concat(message('2', nil), message('D', []byte{0, 1, 0, 0, 0, 1, 'x'}), message('C', []byte("SELECT 1\x00")), message('Z', []byte("I"))), uint8(7))
	f.Add(message('D', []byte{0, 2, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}), uint8(1))
	f.Add([]byte{'Z', 0, 0, 0, 3}, uint8(0))
	f.Fuzz(func(t *testing.T, stream []byte, size uint8) {
		ours := messageReader{read: (&inPieces{stream, func() int { return 1 + int(size) }, io.EOF}).read}
		theirs := pgproto3.NewFrontend(bytes.NewReader(stream), io.Discard)
		theirs.SetMaxBodyLen(1 << 20) // for which they would allocate memory at once
		for {
			m, err := ours.message()
			if errors.Is(err, errOther) {
				return
			}
			want, wantErr := theirs.Receive()
			if row, ok := want.(*pgproto3.DataRow); ok {
				if err != nil && wantErr == nil {
					return // they let more pass
				}
				row.Values = append([][]byte{}, row.Values...) // theirs may be nil, or not
			}
			if (err == nil) != (wantErr == nil) {
				t.Fatalf("%#v, %v; theirs %#v, %v", m, err, want, wantErr)
			}
			if err != nil {
				return
			}
			if got, want := fmt.Sprintf("%#v", m), fmt.Sprintf("%#v", want); got != want {
				t.Fatalf("%s, theirs %s", got, want)
			}
		}
	})
}

var errOther = errors.New("a kind of message that is left to pgx")

// message is the next one as pgx has it.
func (b *messageReader) message() (pgproto3.BackendMessage, error) {
	kind, body, err := b.next()
	if err != nil {
		return nil, err
	}
	switch kind {
	case 'D':
		values, err := rowOf(body, [][]byte{})
		return &pgproto3.DataRow{Values: values}, err
	case 'C':
		tag, err := tagOf(body)
		return &pgproto3.CommandComplete{CommandTag: tag}, err
	case 'Z':
		if len(body) == 1 {
			return &pgproto3.ReadyForQuery{TxStatus: body[0]}, nil
		}
	}
	return nil, errOther
}
