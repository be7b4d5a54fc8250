package fault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/units"
	"pgchaos/internal/wait"
	"pgchaos/record"
)

// ManagerSwitchover asks the manager of an existing cluster to make another node the primary.
type ManagerSwitchover struct {
	To     string         `yaml:"to" jsonschema_description:"The node that becomes the primary. Left out: the manager chooses."`
	Within units.Duration `yaml:"within" jsonschema_description:"How long it may take until another node is the primary; 1m by default."`
}

func managerSwitchover() Kind {
	return Kind{
		Name: "manager_switchover", Group: Runbooks, Doc: "Asks the cluster's manager (Patroni, pg_auto_failover) for a planned switchover.",
		Manual: Manual{
			Does: "Posts to Patroni's `/switchover`, or calls the monitor of pg_auto_failover, as `cluster.existing.manager` or `discover` says. In a file for " +
				"such a cluster the word `switchover` does the same. Where Patroni says that it has no candidate yet, such as no synchronous standby soon after a " +
				"failover, the step waits for one within `within`. It is issued, and outages are counted, after that.",
			Effect:   "What the manager does: it shuts the primary down in good order and promotes a standby. Nothing may be lost.",
			Verified: "Another node is the primary, and it is the one that was asked for.",
			Back:     "Nothing takes it back; another switchover exchanges the nodes again.",
			Example: `- {at: 5s, manager_switchover: {to: pgslave}}
`,
		},
		New:   func() Parameters { return &ManagerSwitchover{} },
		Facts: record.Facts{Provokes: true, Moves: true}, Outage: true, Phase: true,
		Needs:        Needs{Process: Present},
		Capabilities: []cluster.Capability{cluster.CanManage},
	}
}

// Selectors is the primary, which the manager finds by itself.
func (p *ManagerSwitchover) Selectors() []string { return []string{"primary"} }

// Short is for `manager_switchover: n2`.
func (p *ManagerSwitchover) Short() any { return &p.To }

// Default is a minute.
func (p *ManagerSwitchover) Default(has func(key string) bool) {
	if !has("within") {
		p.Within = units.Duration(time.Minute)
	}
}

// Detail is whom it makes the primary.
func (p *ManagerSwitchover) Detail() string {
	if p.To == "" {
		return "the manager chooses the new primary"
	}
	return "to " + p.To
}

// Action asks the manager, and waits for the new primary.
func (p *ManagerSwitchover) Action(env Env) chaos.Action {
	var old *cluster.Node
	return chaos.Action{
		Prepare: func(ctx context.Context, act *chaos.Act) (err error) {
			if old, err = p.ready(ctx, env, act); err == nil {
				act.On(old)
			}
			return err
		},
		Act: func(ctx context.Context, act *chaos.Act) error {
			ctx, cancel := context.WithTimeout(ctx, time.Duration(p.Within))
			defer cancel()
			if err := old.ManagedSwitchover(ctx, p.To); err != nil {
				return fmt.Errorf("%s: %w", old.Manager(), err)
			}
			now, err := p.moved(ctx, env, old)
			if err != nil {
				return fmt.Errorf("%s agreed to a switchover, and within %s %w", old.Manager(), p.Within, err)
			}
			act.Effective()
			act.Note("%s made %s the primary", old.Manager(), now)
			if p.To != "" && now != p.To {
				return fmt.Errorf("%w: %s is the primary now, not %s", chaos.ErrNoEffect, now, p.To)
			}
			return nil
		},
	}
}

// ready waits until the manager would agree, and returns the primary then: after a failover it can take some seconds. No outage is counted
// from before.
func (p *ManagerSwitchover) ready(ctx context.Context, env Env, act *chaos.Act) (*cluster.Node, error) {
	primary, err := env.Scene.One(ctx, "primary")
	if err != nil {
		return nil, err
	}
	if p.To == primary.Name() {
		return nil, fmt.Errorf("%s is the primary already", p.To)
	}
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, time.Duration(p.Within))
	defer cancel()
	for why := ""; ; {
		err := primary.ManagerReady(limited, p.To)
		switch {
		case err == nil && why != "":
			act.Note("%s was not ready for %.1f s: %s", primary.Manager(), time.Since(began).Seconds(), why)
			return env.Scene.One(ctx, "primary") // it can be another one by now; the manager then says whether it agrees
		case err == nil:
			return primary, nil
		case limited.Err() == nil:
			why = err.Error()
		}
		if wait.For(limited, readyEvery) != nil {
			return nil, fmt.Errorf("%s was not ready for a switchover within %s: %w", primary.Manager(), p.Within, errors.Join(ctx.Err(), errors.New(cmp.Or(why, "it did not answer"))))
		}
	}
}

// readyEvery is how often a manager is asked whether it is ready: it looks at its cluster only every few seconds itself.
const readyEvery = 200 * time.Millisecond

// moved waits until one other node is the primary, and returns it.
func (p *ManagerSwitchover) moved(ctx context.Context, env Env, old *cluster.Node) (string, error) {
	for {
		now := record.Primary(env.Scene.States(ctx))
		if now.Node != "" && now.Node != old.Name() {
			return now.Node, nil
		}
		if wait.For(ctx, proofEvery) != nil {
			return "", errors.Join(chaos.ErrNoEffect, errors.New("no other node has become the primary"))
		}
	}
}
