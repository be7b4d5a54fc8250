package cluster_test

import (
	"errors"
	"fmt"
	"testing"

	"pgchaos/cluster"
)

func TestARemovalThatLeavesSomethingIsNoRemark(t *testing.T) {
	left, remark := errors.New("left"), fmt.Errorf("remove: %w", &cluster.Remark{Err: errors.New("a bad file")})
	if cluster.JoinRemovals() != nil || cluster.JoinRemovals(nil, nil) != nil || cluster.IsRemark(nil) {
		t.Error("nothing went wrong")
	}
	if err := cluster.JoinRemovals(nil, remark, remark); !cluster.IsRemark(err) || err.Error() != "remove: a bad file\nremove: a bad file" {
		t.Errorf("two remarks: %v", err)
	}
	if err := cluster.JoinRemovals(remark, left); cluster.IsRemark(err) || !errors.Is(err, left) || err.Error() != "left\nremove: a bad file" {
		t.Errorf("a remark and something left: %v", err)
	}
	if err := cluster.JoinRemovals(cluster.JoinRemovals(remark, left), remark); cluster.IsRemark(err) {
		t.Errorf("joined again: %v", err)
	}
}
