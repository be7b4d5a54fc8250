package existing

import (
	"context"
	"errors"
	"sync"

	"pgchaos/cluster"
)

// free looks how much is free on the disks of the servers. Only a command on their machines can tell, and none does where true has failed, of
// which another finding speaks.
func (e *Examination) free(ctx context.Context, exec *cluster.ExecTemplate, x cluster.Existing, failed []error) {
	if exec == nil {
		e.add(Good, "", "write exec in cluster.existing, and min_free bounds it", "how much is free on the servers' disks is not known: no command runs there")
		return
	}
	free, errs := make([]uint64, len(x.Nodes)), make([]error, len(x.Nodes))
	var wg sync.WaitGroup
	for i, n := range x.Nodes {
		if e.Nodes[i].Error == nil && failed[i] == nil {
			wg.Go(func() { free[i], errs[i] = freeOn(ctx, machine{n.Name, n.Host, exec}, e.Nodes[i].DataDir) })
		}
	}
	wg.Wait()
	for i, n := range x.Nodes {
		switch dir := e.Nodes[i].DataDir; {
		case e.Nodes[i].Error != nil, failed[i] != nil:
		case errs[i] != nil:
			e.add(Unknown, n.Name, "", "how much is free on its disks is not known, so that min_free is no bound: %v", errs[i])
		case free[i] < x.MinFree:
			e.add(Bad, n.Name, "free some of it, or write a smaller min_free", "%s is free on the disk of %s, and min_free is %s", sizeText(int64(free[i])), dir, sizeText(int64(x.MinFree)))
		default:
			e.add(Good, n.Name, "", "%s is free on the disk of %s", sizeText(int64(free[i])), dir)
		}
	}
}

func freeOn(ctx context.Context, m machine, dir string) (uint64, error) {
	if dir == "" {
		return 0, errors.New("the role may not read data_directory")
	}
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	return cluster.FreeOf(m.Exec(ctx, cluster.FreeCommand(dir)))
}
