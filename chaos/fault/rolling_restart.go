package fault

import (
	"context"
	"fmt"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/units"
	"pgchaos/record"
)

// RollingRestart restarts all nodes, one after the other: `rolling_restart: in_place`.
type RollingRestart struct {
	Primary string         `yaml:"primary" jsonschema:"required" jsonschema_description:"What is done to the primary, after the standbys: in_place (it is restarted), switchover (a standby takes over, and the old primary comes back as a standby) or leave (nothing)."`
	Timeout units.Duration `yaml:"timeout" jsonschema_description:"How long a server may take to shut down; 60s by default."`
}

// What a rolling restart does to the primary.
const (
	restartInPlace    = "in_place"
	restartBySwitch   = "switchover"
	restartNotPrimary = "leave"
)

func rollingRestart() Kind {
	return Kind{
		Name: "rolling_restart", Group: Runbooks, Doc: "Restarts the standbys one after the other, then the primary.",
		Manual: Manual{
			Does: "Shuts each standby down fast and starts it again, in the order of the file, and goes on when it streams again. Then the primary is restarted (`in_place`), " +
				"replaced by the first standby (`switchover`) or left alone (`leave`). Each part is an event of its own on the timeline.",
			Effect: "Readers on a standby lose their sessions (57P01) while it restarts; commits that wait for it wait for another, or for its return. " +
				"Writers notice only the restart of the primary.",
			Verified: "Each restarted standby streams again, its sync_state is as demanded, and all that the primary had written is replayed on it before the next one is restarted.",
			Back:     "Nothing is to be taken back. If the step breaks off, the node that was stopped is started at the end of the run.",
			Example: `- {at: 5s, rolling_restart: in_place}
`,
		},
		New:   func() Parameters { return &RollingRestart{} },
		Facts: record.Facts{Restarts: true, Starts: true}, Outage: true, Phase: true, Undo: startAgain(),
		Needs:        Needs{Process: Running, Connected: true},
		Capabilities: []cluster.Capability{cluster.CanRun, cluster.CanReachFiles},
	}
}

// Selectors are the roles that are restarted.
func (p *RollingRestart) Selectors() []string {
	if p.Primary == restartNotPrimary {
		return []string{"replicas"}
	}
	return []string{"replicas", "primary"}
}

// Short is for `rolling_restart: in_place`.
func (p *RollingRestart) Short() any { return &p.Primary }

// Words are what can be done to the primary.
func (p *RollingRestart) Words() map[string][]string {
	return map[string][]string{"primary": {restartInPlace, restartBySwitch, restartNotPrimary}}
}

// Default is a minute.
func (p *RollingRestart) Default(has func(key string) bool) {
	if !has("timeout") {
		p.Timeout = units.Duration(time.Minute)
	}
}

// Promoted is a standby where one takes over, and else "".
func (p *RollingRestart) Promoted() string {
	if p.Primary == restartBySwitch {
		return "any_replica"
	}
	return ""
}

// Detail is what is done to the primary.
func (p *RollingRestart) Detail() string {
	return map[string]string{
		restartInPlace: "the primary last", restartBySwitch: "the primary by a switchover", restartNotPrimary: "the primary is left alone",
	}[p.Primary]
}

// Action restarts the nodes.
func (p *RollingRestart) Action(env Env) chaos.Action {
	s := env.Scene
	var primary *cluster.Node
	var standbys []*cluster.Node
	return chaos.Action{
		Prepare: func(ctx context.Context, act *chaos.Act) (err error) {
			if primary, err = s.One(ctx, "primary"); err != nil {
				return err
			}
			standbys = runningStandbys(s, s.States(ctx), primary)
			if len(standbys) == 0 && p.Primary == restartBySwitch {
				return fmt.Errorf("no standby runs that could take over from %s", primary.Name())
			}
			act.On(standbys...)
			if p.Primary != restartNotPrimary {
				act.On(primary)
			}
			return nil
		},
		Act: func(ctx context.Context, act *chaos.Act) error {
			act.Mode(cluster.StopFast)
			for _, n := range standbys {
				if err := p.restart(ctx, act, n); err != nil {
					return err
				}
				if err := p.settled(ctx, s, primary, n); err != nil {
					return err
				}
			}
			switch p.Primary {
			case restartNotPrimary:
				return nil
			case restartInPlace:
				return p.primary(ctx, act, s, primary, standbys)
			}
			x := &exchange{scene: s, old: primary, to: standbys[0], timeout: time.Duration(p.Timeout)}
			if err := x.ready(ctx, act); err != nil {
				return err
			}
			return x.do(ctx, act)
		},
	}
}

// restart shuts a node down and starts it again.
func (p *RollingRestart) restart(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
	kind := restart()
	return act.Part(ctx, chaos.Part{Action: kind.Name, Facts: kind.Facts}, n, func(ctx context.Context, part *chaos.Act) error {
		part.Mode(cluster.StopFast)
		return n.Restart(ctx, cluster.StopFast, time.Duration(p.Timeout), part.Effective)
	})
}

// streamTimeout is how long restarted standbys may take to stream and to catch up.
const streamTimeout = 60 * time.Second

// settled waits until standbys stream, are what the demanded synchronous replication makes of them, and have caught up.
func (p *RollingRestart) settled(ctx context.Context, s *chaos.Scene, primary *cluster.Node, standbys ...*cluster.Node) error {
	var names []string
	for _, n := range standbys {
		names = append(names, n.Name())
	}
	if err := s.Await(ctx, chaos.Condition{Streaming: names, CaughtUp: names}, streamTimeout); err != nil {
		return err
	}
	_, err := primary.AwaitSynchronous(ctx)
	return err
}

// primary restarts the primary, and waits until the standbys stream from it again.
func (p *RollingRestart) primary(ctx context.Context, act *chaos.Act, s *chaos.Scene, primary *cluster.Node, standbys []*cluster.Node) error {
	if err := p.restart(ctx, act, primary); err != nil {
		return err
	}
	if err := p.settled(ctx, s, primary, standbys...); err != nil {
		return err
	}
	return onePrimary(s.States(ctx), primary.Name())
}
