package docker

import (
	"context"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
)

// hear passes on what the engine says of processes that were killed for lack of memory, to the
// node that each was of, until ctx ends. Of an engine that stops answering, and
// answers again, it hears the rest.
func (p *Provider) hear(ctx context.Context) {
	defer p.muteAll()
	since := ""
	for ctx.Err() == nil {
		said, failed := p.engine.Events(ctx, events.ListOptions{Since: since, Filters: filters.NewArgs(
			filters.Arg("type", string(events.ContainerEventType)),
			filters.Arg("event", string(events.ActionOOM)),
			filters.Arg("label", labelRun+"="+p.options.Run),
			filters.Arg("label", labelPart+"="+partServer),
		)})
		since, _ = p.listen(said, failed) // the context has ended, or the engine restarts
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// listen returns the time from which on there may be more, as the engine wants it.
func (p *Provider) listen(said <-chan events.Message, failed <-chan error) (until string, err error) {
	for {
		select {
		case m := <-said:
			at := time.Unix(0, m.TimeNano)
			until = at.Add(time.Nanosecond).Format(time.RFC3339Nano)
			p.alarm(m.Actor.Attributes[labelNode], at)
		case err := <-failed:
			return until, err
		}
	}
}

func (p *Provider) alarm(node string, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.hosts {
		if h.name == node {
			select {
			case h.outOfMemory <- at:
			default: // nobody has listened for as many as it holds
			}
		}
	}
}

// muteAll says that nothing more will be heard.
func (p *Provider) muteAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.hosts {
		close(h.outOfMemory)
	}
}

// OutOfMemory tells when the kernel killed a process of the node because its
// memory limit was reached: the server may have ended, or have restarted all of its
// processes. The engine does not say it of processes that ended otherwise.
func (h *host) OutOfMemory() <-chan time.Time { return h.outOfMemory }
