package fault

import (
	"slices"
	"strings"

	"pgchaos/cluster"
	"pgchaos/standbynames"
)

// demandAfter is the synchronous replication that a promoted node needs, so that as much is demanded of it as was of
// the old primary: the old primary takes the place of the promoted node among the standbys that commits wait for.
func demandAfter(was cluster.Synchronous, old, promoted string) (cluster.Synchronous, error) {
	names, err := standbynames.Parse(was.Standbys)
	if err != nil {
		return was, err
	}
	if names.Num == 0 || names.All() || names.Has(old) {
		return was, nil
	}
	i := slices.IndexFunc(names.Names, func(name string) bool { return strings.EqualFold(name, promoted) })
	if i < 0 {
		return was, nil
	}
	names.Names = slices.Clone(names.Names)
	names.Names[i] = old
	was.Standbys = names.String()
	return was, nil
}
