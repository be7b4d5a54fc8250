package runner_test

import (
	"context"
	"strings"
	"testing"

	"pgchaos/cluster"
	"pgchaos/cluster/local"
	"pgchaos/record"
	"pgchaos/verdict"
)

// plainProvider hides what the nodes of another provider can do beside running a server.
type plainProvider struct{ cluster.Provider }

// plainHost is a host without the rest.
type plainHost struct {
	cluster.Host
	cluster.Processes
	cluster.Files
}

func (p plainProvider) Host(ctx context.Context, name string) (cluster.Host, error) {
	h, err := p.Provider.Host(ctx, name)
	if err != nil {
		return nil, err
	}
	return plainHost{h, h.(cluster.Processes), h.(cluster.Files)}, nil
}

// TestAStepThatTheNodesCannotDoFails: the step says what is missing, and nothing else is
// complained about; what the nodes use is not known.
func TestAStepThatTheNodesCannotDoFails(t *testing.T) {
	text := strings.Replace(short, "  - {at: 500ms, stop: b}\n  - {start: b}\n", "  - {at: 300ms, stop: b}\n  - {start: b}\n  - {pause: b}\n", 1)
	r, err := run(t, t.Context(), plainProvider{testProvider(t)}, text, observer{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Timeline) < 3 || r.Timeline[1].Status != record.EventDone || r.Timeline[2].Status != record.EventFailed {
		t.Fatalf("timeline: %+v", r.Timeline)
	}
	if got, want := r.Timeline[2].Error, `pause b: pgchaos cannot freeze its processes: the provider of this node lacks the capability "freeze"`; !strings.Contains(got, want) {
		t.Errorf("the step says %q", got)
	}
	if notes := r.Cluster.UsageNotes; notes == nil || *notes != local.Describe().UsageNotes {
		t.Errorf("the provider's notes on the use of resources: %+v", notes)
	}
	if r.Verdict == verdict.Pass {
		t.Error("the run passes, though a step failed")
	}
	if len(r.Usage) > 0 {
		t.Errorf("resource use out of nothing: %+v", r.Usage)
	}
	for _, n := range r.Settle {
		if n.Error != "" {
			t.Errorf("settling: %s: %s", n.Node, n.Error)
		}
	}
	if len(r.Errors) > 0 {
		t.Errorf("errors: %q", r.Errors)
	}
}
