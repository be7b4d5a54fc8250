package link

// awaitMore waits for something in the queue. It returns false where a state is in force no longer, or the connection
// is over.
func (f *flow) awaitMore(s *state) bool {
	select {
	case <-f.more:
		return true
	case <-s.changed:
		return false
	case <-f.pair.done:
		return false
	}
}

// push adds to the queue. Nothing overtakes what came before it.
func (f *flow) push(c chunk) {
	f.mu.Lock()
	if c.due.Before(f.latest) {
		c.due = f.latest
	}
	f.latest = c.due
	f.queue = append(f.queue, c)
	f.queued += len(c.data)
	f.mu.Unlock()
	signal(f.more)
}

// head is the first of the queue.
func (f *flow) head() (c chunk, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.queue) == 0 {
		return chunk{}, false
	}
	return f.queue[0], true
}

// drop takes the first away.
func (f *flow) drop() {
	f.mu.Lock()
	f.queued -= len(f.queue[0].data)
	f.queue[0] = chunk{}
	f.queue = f.queue[1:]
	f.mu.Unlock()
	signal(f.less)
}

// replaceHead leaves a part of the first.
func (f *flow) replaceHead(c chunk) {
	f.mu.Lock()
	f.queued += len(c.data) - len(f.queue[0].data)
	f.queue[0] = c
	f.mu.Unlock()
	signal(f.less)
}

// size is how many bytes are in the queue.
func (f *flow) size() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.queued
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
