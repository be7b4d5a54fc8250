package fault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/endsession"
	"pgchaos/internal/wait"
	"pgchaos/record"
)

// DropSlot drops the replication slots that standbys use. It is taken back by making them again.
type DropSlot struct{ OnStandbys }

func dropSlot() Kind {
	return Kind{
		Name: "drop_slot", Group: Replication, Doc: "Drops the replication slot that a standby uses.",
		Manual: Manual{
			Does: "Looks up primary_slot_name of a standby, ends the WAL sender that uses the slot on its upstream, and drops the slot there.",
			Effect: "The standby tries to connect again and again, and its log says that the slot does not exist. It receives nothing, so that " +
				"synchronous commits that need it stall. The upstream keeps WAL for it only as far as wal_keep_size says.",
			Verified: "The slot is gone from pg_replication_slots of the upstream, and no WAL sender serves the standby.",
			Back: "A physical slot of that name is made again, and reserves WAL from then on. The standby streams again by itself, unless the " +
				"upstream has removed WAL that it needs: then it stays behind until a `clone`. Where the upstream does not run, and the standby follows another node or is " +
				"a primary by then, nothing is to be made.",
			Example: `- {at: 2s, sql: {node: pgmaster, query: "select pg_create_physical_replication_slot('pgslave')"}}
- {configure: {node: pgslave, settings: {primary_slot_name: pgslave}}}
- {at: 6s, drop_slot: pgslave, for: 3s}`,
		},
		New:   func() Parameters { return &DropSlot{} },
		Facts: record.Facts{Lasts: true}, Outage: true, Phase: true, Undo: makeSlot(), Reversible: true,
		Needs: Needs{Process: Running, Connected: true},
	}
}

// Excludes is true of a second one: there is no slot any more.
func (p *DropSlot) Excludes(inForce Parameters) bool {
	_, same := inForce.(*DropSlot)
	return same
}

// usedSlot is the slot of a standby.
type usedSlot struct {
	Upstream string `json:"upstream"`
	Slot     string `json:"slot"`
	Called   string `json:"called"` // the standby's application_name
}

// Before is the slot, and where it is.
func (p *DropSlot) Before(ctx context.Context, env Env, n *cluster.Node) (any, error) {
	conn, standby, err := connectStandby(ctx, n)
	if err != nil {
		return nil, err
	}
	defer endsession.Within(100*time.Millisecond, conn)
	var of usedSlot
	if err := conn.QueryRow(ctx, "select pg_catalog.current_setting('primary_slot_name')").Scan(&of.Slot); err != nil {
		return nil, fmt.Errorf("read primary_slot_name of %s: %w", n.Name(), err)
	}
	if of.Slot == "" {
		return nil, fmt.Errorf("%s uses no replication slot; make one by an sql step, and set primary_slot_name by a configure step", n.Name())
	}
	up := n.Upstream()
	of.Called = n.Name()
	if n.Met() {
		if of.Called, err = cluster.StandbyName(ctx, conn, n.Name()); err != nil {
			return nil, err
		}
		if up, err = usedOn(ctx, env.Scene.Cluster.Nodes(), n, of); err != nil {
			return nil, err
		}
	}
	if !standby || up == nil {
		return nil, fmt.Errorf("%s follows no node", n.Name())
	}
	of.Upstream = up.Name()
	return of, nil
}

// usedOn is the node on which a WAL sender for the standby uses the slot; nil: there is none. Slots, and standbys, of several nodes can have the same
// name.
func usedOn(ctx context.Context, nodes []*cluster.Node, standby *cluster.Node, of usedSlot) (up *cluster.Node, err error) {
	for _, n := range nodes {
		if n == standby || n.Silenced() || n.Ended(ctx) {
			continue
		}
		conn, err := n.Connect(ctx, "fault")
		if err != nil {
			continue
		}
		var used bool
		err = conn.QueryRow(ctx, usesSlotSQL, of.Slot, of.Called).Scan(&used)
		endsession.Within(100*time.Millisecond, conn)
		switch {
		case err != nil || !used:
		case up != nil:
			return nil, fmt.Errorf("%s and %s both have a slot %q that a standby called %q uses, so it is not known which one is that of %s", up.Name(), n.Name(), of.Slot, of.Called, standby.Name())
		default:
			up = n
		}
	}
	return up, nil
}

const usesSlotSQL = "select exists (select from pg_catalog.pg_replication_slots s join pg_catalog.pg_stat_replication r on r.pid = s.active_pid " +
	"where s.slot_name = $1 and r.application_name = $2)"

// Action drops the slots.
func (p *DropSlot) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		var of usedSlot
		if err := act.Known(&of); err != nil {
			return err
		}
		up := env.Scene.Cluster.Node(of.Upstream)
		act.Note("%s: slot %s on %s", n.Name(), of.Slot, up.Name())
		if err := drop(ctx, up, of.Slot); err != nil {
			return err
		}
		act.Effective()
		return awaitNoSender(ctx, up, of.Called)
	})
}

// What ends the WAL sender that uses a slot, and what drops and makes the slot.
const (
	endSenderSQL = "select pg_catalog.pg_terminate_backend(active_pid) from pg_catalog.pg_replication_slots where slot_name = $1 and active_pid is not null"
	dropSlotSQL  = "select pg_catalog.pg_drop_replication_slot($1)"
	makeSlotSQL  = "select pg_catalog.pg_create_physical_replication_slot($1, true)"
)

// Statements drops the standby's slot on the node that it streams from, and makes it again when the step is taken back.
func (p *DropSlot) Statements(string) []string {
	const of = ", where $1 is the standby's primary_slot_name, on the node that it streams from"
	return []string{endSenderSQL + of, dropSlotSQL + of, makeSlotSQL + of + ", to take it back"}
}

// slotTimeout bounds how long a slot may stay in use after its WAL sender was ended.
const slotTimeout = 10 * time.Second

// drop ends the WAL sender that uses a slot, and drops the slot. A standby can connect again between both.
func drop(ctx context.Context, up *cluster.Node, slot string) error {
	conn, err := up.Connect(ctx, "fault")
	if err != nil {
		return err
	}
	defer endsession.Within(100*time.Millisecond, conn)
	there, err := slotThere(ctx, conn, slot)
	if err != nil {
		return err
	}
	if !there {
		return fmt.Errorf("%s has no replication slot %q", up.Name(), slot)
	}
	err = until(ctx, slotTimeout, func(ctx context.Context) (bool, error) {
		if _, err := conn.Exec(ctx, endSenderSQL, slot); err != nil {
			return false, err
		}
		_, err := conn.Exec(ctx, dropSlotSQL, slot)
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code == "55006" { // object in use
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return fmt.Errorf("drop the replication slot %q of %s: %w", slot, up.Name(), err)
	}
	if there, err = slotThere(ctx, conn, slot); err == nil && there {
		err = fmt.Errorf("the replication slot %q of %s was dropped, and is there", slot, up.Name())
	}
	return err
}

func slotThere(ctx context.Context, conn *pgx.Conn, slot string) (there bool, err error) {
	err = conn.QueryRow(ctx, "select exists (select from pg_catalog.pg_replication_slots where slot_name = $1)", slot).Scan(&there)
	if err != nil {
		err = fmt.Errorf("look for the replication slot %q: %w", slot, err)
	}
	return there, err
}

// makeSlot makes a slot again.
func makeSlot() *chaos.ReversalKind {
	return &chaos.ReversalKind{
		Name: "make_slot",
		Do: func(ctx context.Context, s *chaos.Scene, n *cluster.Node, r chaos.Reversal, ending bool) error {
			of, err := arguments[usedSlot](r)
			if err != nil {
				return err
			}
			up := s.Cluster.Node(of.Upstream)
			if up == nil {
				return fmt.Errorf("there is no node %s, which had the slot", of.Upstream)
			}
			switch {
			case !up.Ended(ctx):
			case !n.Met() && (ending || n.Upstream() != up || n.State(ctx).Role == record.RolePrimary):
				return nil // nothing uses the slot
			default:
				return fmt.Errorf("%s does not run, so that the replication slot %q of %s cannot be made on it again: start it before, or have %s follow another node", up.Name(), of.Slot, n.Name(), n.Name())
			}
			if n.Met() && !wantsSlot(ctx, func() (*pgx.Conn, error) { return n.Connect(ctx, "fault") }) {
				return nil
			}
			conn, err := up.Connect(ctx, "fault")
			if err != nil {
				return err
			}
			defer endsession.Within(100*time.Millisecond, conn)
			return makeSlotAgain(ctx, conn, of)
		},
		Clean: onStayingNodes(func(ctx context.Context, to sessions, r chaos.Reversal) error {
			of, err := arguments[usedSlot](r)
			if err != nil {
				return err
			}
			if !wantsSlot(ctx, func() (*pgx.Conn, error) { return to.ConnectTo(ctx, r.Node) }) {
				return nil
			}
			conn, err := to.ConnectTo(ctx, of.Upstream)
			if err != nil {
				return err
			}
			defer endsession.Within(100*time.Millisecond, conn)
			return makeSlotAgain(ctx, conn, of)
		}),
	}
}

// wantsSlot tells whether a standby may need the slot that it had. It does not where it has been promoted, or streams without it: a slot that nobody
// uses would keep WAL for ever. One that cannot be asked may need it.
func wantsSlot(ctx context.Context, connect func() (*pgx.Conn, error)) bool {
	conn, err := connect()
	if err != nil {
		return true
	}
	defer endsession.Within(100*time.Millisecond, conn)
	var before *int32
	for range 2 { // a receiver that finds no slot is there for a moment, too
		var standby bool
		var receiver *int32
		if err := conn.QueryRow(ctx, receiverSQL).Scan(&standby, &receiver); err != nil {
			return true
		}
		switch {
		case !standby:
			return false
		case receiver == nil:
			return true
		case before != nil:
			return *receiver != *before
		}
		before = receiver
		if wait.For(ctx, receiverFor) != nil {
			return true
		}
	}
	return true
}

// receiverFor is longer than a WAL receiver lives that finds no slot.
const receiverFor = 300 * time.Millisecond

const receiverSQL = "select pg_catalog.pg_is_in_recovery(), (select w.pid from pg_catalog.pg_stat_wal_receiver w where coalesce(w.status, 'streaming') = 'streaming')"

func makeSlotAgain(ctx context.Context, conn *pgx.Conn, of usedSlot) error {
	there, err := slotThere(ctx, conn, of.Slot)
	if err != nil || there {
		return err
	}
	if _, err := conn.Exec(ctx, makeSlotSQL, of.Slot); err != nil {
		return fmt.Errorf("make the replication slot %q on %s again: %w", of.Slot, of.Upstream, err)
	}
	if there, err = slotThere(ctx, conn, of.Slot); err == nil && !there {
		err = fmt.Errorf("the replication slot %q of %s was made, and is not there", of.Slot, of.Upstream)
	}
	return err
}
