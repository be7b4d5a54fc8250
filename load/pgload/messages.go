package pgload

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// messageReader cuts what a connection reads into messages of PostgreSQL's protocol: a byte
// that tells the kind, four with the length of itself and the body, and the body. pgx would
// do that as well, at a third of what all the rest of an answer costs the client.
type messageReader struct {
	read     func([]byte) (int, error)
	buffer   []byte
	from, to int // what has been read and not been looked at
	// Most answers fit in here, next to all else that an operation needs: with many clients
	// a page of its own for each buffer would have to be looked up in each operation.
	inline [256]byte
}

const (
	messageBuffer = 8 << 10 // once an answer has been larger than inline
	messageHead   = 5
	// longestMessage is what a server never exceeds: it allocates no more (MaxAllocSize in
	// PostgreSQL's memutils.h).
	longestMessage = 1 << 30
	// largestMessage is how much of one message is kept in memory. Rows and data of a COPY that are
	// longer are thrown away as they come; anything else that long is no answer.
	largestMessage = 16 << 20
)

var errProtocol = errors.New("the server's answer is not PostgreSQL's protocol")

// next is the next message; its body is valid until the next call. It reads where it has
// to. No more is read than comes at once, so that it does not wait for what is not asked for.
// The body of a row that is longer than largestMessage is nil.
func (b *messageReader) next() (kind byte, body []byte, err error) {
	for b.to-b.from < messageHead {
		if err := b.fill(messageHead); err != nil {
			return 0, nil, err
		}
	}
	length := int(binary.BigEndian.Uint32(b.buffer[b.from+1:])) + 1
	kind = b.buffer[b.from]
	switch {
	case length < messageHead || length > longestMessage, length > largestMessage && kind != 'D' && kind != 'd':
		return 0, nil, fmt.Errorf("a message of %d bytes: %w", length, errProtocol)
	case length > largestMessage:
		return kind, nil, b.skip(length)
	}
	for b.to-b.from < length {
		if err := b.fill(length); err != nil {
			return 0, nil, err
		}
	}
	message := b.buffer[b.from : b.from+length]
	b.from += length
	return message[0], message[messageHead:], nil
}

// skip throws a message of so many bytes away.
func (b *messageReader) skip(length int) error {
	for {
		n := min(length, b.to-b.from)
		b.from, length = b.from+n, length-n
		if length == 0 {
			return nil
		}
		if err := b.fill(1); err != nil {
			return err
		}
	}
}

// fill reads once, after making space for more of a message of so many bytes: at most
// twice what there is of it, since the rest may never come.
func (b *messageReader) fill(length int) error {
	have := b.to - b.from
	want := min(length, max(messageBuffer, 2*have))
	switch full := b.to == len(b.buffer); {
	case want > len(b.buffer) || full && len(b.buffer) < messageBuffer: // there may have been more
		into := b.inline[:]
		if b.buffer != nil || want > len(into) {
			into = make([]byte, max(messageBuffer, want))
		}
		b.from, b.to, b.buffer = 0, copy(into, b.buffer[b.from:b.to]), into
	case have == 0:
		b.from, b.to = 0, 0
	case b.from+want > len(b.buffer):
		b.from, b.to = 0, copy(b.buffer, b.buffer[b.from:b.to])
	}
	n, err := b.read(b.buffer[b.to:])
	b.to += n
	switch {
	case n > 0:
		return nil
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF // in the middle of an answer
	}
	return err
}

// empty forgets what another connection has left, and the buffer of a large answer.
func (b *messageReader) empty() {
	b.from, b.to = 0, 0
	if len(b.buffer) > messageBuffer {
		b.buffer = nil
	}
}

// rowOf appends the values of a DataRow: nil for NULL. They are parts of the body.
func rowOf(body []byte, values [][]byte) ([][]byte, error) {
	if len(body) < 2 {
		return values, errProtocol
	}
	columns := int(binary.BigEndian.Uint16(body))
	for body = body[2:]; columns > 0; columns-- {
		if len(body) < 4 {
			return values, errProtocol
		}
		length := int(int32(binary.BigEndian.Uint32(body)))
		body = body[4:]
		switch {
		case length == -1:
			values = append(values, nil)
			continue
		case length < 0 || length > len(body):
			return values, errProtocol
		}
		values = append(values, body[:length:length])
		body = body[length:]
	}
	return values, nil
}

// tagOf is the tag of a CommandComplete, without its end.
func tagOf(body []byte) ([]byte, error) {
	end := bytes.IndexByte(body, 0)
	if end < 0 || end != len(body)-1 {
		return nil, errProtocol
	}
	return body[:end], nil
}
