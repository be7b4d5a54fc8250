package docker

import (
	"context"
	"net"
	"time"
)

// tryClients tries new connections as a client, if it is to, until something is done.
func (h *host) tryClients(ctx context.Context, try bool, do func() (string, error)) (said string, answered bool, err error) {
	if !try {
		said, err = do()
		return said, false, err
	}
	trying, enough := context.WithCancel(ctx)
	defer enough()
	answers := make(chan bool, 1)
	go func() { answers <- h.answersClients(trying) }()
	said, err = do()
	enough()
	return said, <-answers, err
}

// answersClients tries new connections until the context ends, and once more: that one counts.
func (h *host) answersClients(ctx context.Context) (answers bool) {
	const patience = 300 * time.Millisecond
	for ctx.Err() == nil {
		h.knock(patience)
		time.Sleep(patience / 10) // it can be answered, and refused, at once
	}
	return h.knock(patience)
}

// knock asks the server, as a client does, whether it offers encryption. Every PostgreSQL answers.
func (h *host) knock(patience time.Duration) (answers bool) {
	c, err := net.DialTimeout("tcp", h.client.String(), patience)
	if err != nil {
		time.Sleep(patience / 3)
		return false
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = c.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47})
	n, _ := c.Read(make([]byte, 1))
	return n == 1
}
