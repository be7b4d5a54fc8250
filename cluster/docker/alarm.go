package docker

import (
	"context"
	"slices"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"pgchaos/cluster"
)

// hear listens to the engine until ctx ends: to what it says of processes killed for
// lack of memory, and of servers started again by somebody else. Of an engine that
// stops answering, and answers again, it hears the rest.
func (p *Provider) hear(ctx context.Context) {
	defer p.muteAll()
	since := ""
	for ctx.Err() == nil {
		said, failed := p.engine.Events(ctx, events.ListOptions{Since: since, Filters: filters.NewArgs(
			filters.Arg("type", string(events.ContainerEventType)),
			filters.Arg("event", string(events.ActionOOM)),
			filters.Arg("event", string(events.ActionStart)),
			filters.Arg("label", labelRun+"="+p.options.Run),
			filters.Arg("label", labelPart+"="+partServer),
		)})
		since, _ = p.listen(ctx, said, failed, since) // the context has ended, or the engine restarts
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// listen returns the time from which on there may be more, as the engine wants it.
func (p *Provider) listen(ctx context.Context, said <-chan events.Message, failed <-chan error, since string) (until string, err error) {
	for until = since; ; {
		select {
		case m := <-said:
			at := time.Unix(0, m.TimeNano)
			until = at.Add(time.Nanosecond).Format(time.RFC3339Nano)
			if h := p.hostOf(m.Actor.Attributes[labelNode]); h != nil {
				h.alarm(ctx, m.Action, at)
			}
		case err := <-failed:
			return until, err
		}
	}
}

func (p *Provider) hostOf(node string) *host {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.hosts, func(h *host) bool { return h.name == node })
	if i < 0 {
		return nil
	}
	return p.hosts[i]
}

// alarm passes on what the engine said of the node.
func (h *host) alarm(ctx context.Context, action events.Action, at time.Time) {
	a := cluster.Alarm{Kind: cluster.IncidentOutOfMemory, At: at}
	if action == events.ActionStart {
		// An error shows as soon as anything is to be done to the node.
		if another, _ := h.revived(ctx); !another {
			return
		}
		a.Kind = cluster.IncidentRestart
	}
	select {
	case h.alarms <- a:
	default: // nobody has listened for as many as it holds
	}
}

// muteAll says that nothing more will be heard.
func (p *Provider) muteAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.hosts {
		close(h.alarms)
	}
}

// Alarms tells when the kernel killed a process of the node because its memory limit
// was reached (the server may have ended, or have restarted all of its processes), and
// when somebody else than Start has started the server. The times are the engine's.
func (h *host) Alarms() <-chan cluster.Alarm { return h.alarms }
