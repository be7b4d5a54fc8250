package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"pgchaos/internal/wait"
)

// copySilence is how long a copy from another node may stand still. As long is PostgreSQL's own wal_receiver_timeout.
const copySilence = time.Minute

// SilentError is why a copy from another node was given up, or not begun: nothing comes from there, and nothing is refused. PostgreSQL's
// programs would wait for ever.
type SilentError struct {
	Node, From string
	For        time.Duration
	// Blocks are the faults of the network that are in force between the two, the newest last; none: it is not known what is wrong.
	Blocks []string
}

// Error says what to look at.
func (e *SilentError) Error() string {
	text := fmt.Sprintf("nothing has come from %s to %s for %s, and a new connection between them gets no answer", e.From, e.Node, e.For)
	switch len(e.Blocks) {
	case 0:
		return text + "; look at the network between them, and whether the server of " + e.From + " is paused"
	case 1:
		return text + ", while " + e.Blocks[0] + " is in force; end it before"
	}
	return text + ", while " + strings.Join(e.Blocks, " and ") + " are in force; end them before"
}

// silent is the error for an upstream from which nothing comes.
func (n *Node) silent(upstream *Node) error {
	err := &SilentError{Node: n.Name(), From: upstream.Name(), For: n.cluster.mostSilence()}
	for _, ends := range [][2]*Node{{n, upstream}, {upstream, n}} {
		from := Vantage{From: FromNode, Node: ends[0].Name()}
		var names []string
		if relay := ends[1].Relays()[from]; relay != nil {
			names = relay.Blocks()
		} else if filter := ends[1].Filter(); filter != nil {
			names = filter.Blocks(from)
		}
		for _, name := range names {
			if !slices.Contains(err.Blocks, name) {
				err.Blocks = append(err.Blocks, name)
			}
		}
	}
	return err
}

func (c *Cluster) mostSilence() time.Duration { return cmp.Or(c.config.Silence, copySilence) }

// canCopy is an error when a new connection to upstream gets no answer. What a copy would replace is still there then.
func (n *Node) canCopy(ctx context.Context, upstream *Node) error {
	answered, err := n.hears(ctx, upstream, n.cluster.mostSilence())
	if err == nil && !answered {
		err = n.silent(upstream)
	}
	return err
}

// copying runs one of PostgreSQL's programs that copies from upstream to a directory of the node, and ends it once nothing has come for too
// long. However slow it is, it goes on as long as a file of the directory changes, or upstream answers a new connection: it may have
// work of its own, or wait for a checkpoint.
func (n *Node) copying(ctx context.Context, upstream *Node, dir string, env []string, argv ...string) error {
	ctx, end := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { n.endSilent(ctx, upstream, dir, end) })
	err := n.run(ctx, env, argv...)
	end(nil)
	watch.Wait()
	if given := (*SilentError)(nil); err != nil && errors.As(context.Cause(ctx), &given) {
		return fmt.Errorf("%s: %w", path.Base(argv[0]), given)
	}
	return err
}

// endSilent ends a copy once nothing has come for too long, and returns when it is over.
func (n *Node) endSilent(ctx context.Context, upstream *Node, dir string, end context.CancelCauseFunc) {
	quiet, heard, mark := n.cluster.mostSilence(), time.Now(), dir+".copied"
	if wait.For(ctx, quiet/6) != nil {
		return
	}
	defer func() {
		if err := n.remove(context.WithoutCancel(ctx), mark, mark+".new"); err != nil {
			n.cluster.logf("%s: %v", n.Name(), err)
		}
	}()
	for {
		came, err := n.changed(ctx, dir, mark)
		if err == nil && !came {
			came, err = n.hears(ctx, upstream, quiet/4)
		}
		if err != nil && ctx.Err() == nil {
			n.cluster.logf("%s: it is not known whether anything comes from %s: %v", n.Name(), upstream.Name(), err)
		}
		switch {
		case came || err != nil:
			heard = time.Now()
		case time.Since(heard) >= quiet:
			end(n.silent(upstream))
		}
		if wait.For(ctx, quiet/6) != nil {
			return
		}
	}
}

// changedScript tells whether a file of the directory $1 has changed since it was called last with the file $2.
const changedScript = `touch "$2.new" || exit 2
found=$([ ! -e "$2" ] || find "$1" -newer "$2" 2>/dev/null | head -n 1)
mv "$2.new" "$2" || exit 2
[ -n "$found" ]`

// changed tells whether a file of a directory has changed since it was asked last with the same mark.
func (n *Node) changed(ctx context.Context, dir, mark string) (bool, error) {
	err := n.run(ctx, nil, "/bin/sh", "-c", changedScript, "sh", dir, mark)
	if exit := (*ExitError)(nil); errors.As(err, &exit) && exit.Code == 1 {
		return false, nil
	}
	return err == nil, err
}

// The exit statuses of pg_isready. A server that lets nobody in answers as well.
const (
	rejecting  = 1
	noResponse = 2
)

// hears tells whether upstream answers a new connection of the node within a time, which has whole seconds, at least 2. A refusal is an
// answer: it comes before the time is over. libpq counts in whole seconds.
func (n *Node) hears(ctx context.Context, upstream *Node, within time.Duration) (bool, error) {
	seconds := max(2, int(within/time.Second))
	began := time.Now()
	user := n.cluster.creds.Replication
	err := n.run(ctx, nil, n.program("pg_isready"), "-q", "-t", strconv.Itoa(seconds),
		"-d", n.conninfo(upstream, map[string]string{"user": user.Name, "dbname": n.cluster.creds.Database}))
	exit := (*ExitError)(nil)
	switch {
	case !errors.As(err, &exit):
		return err == nil, err
	case exit.Code == rejecting:
		return true, nil
	case exit.Code == noResponse:
		return time.Since(began) < time.Duration(seconds-1)*time.Second, nil
	}
	return false, err
}
