package cluster

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"pgchaos/internal/endsession"
)

// Transfer has a session of the superuser send bytes to the node, and has bytes come back, in one statement. It returns how long
// the statement takes. The session comes from another node's server, where psql is needed, or else from pgchaos.
func (n *Node) Transfer(ctx context.Context, from Vantage, to, back int) (time.Duration, error) {
	took, err := n.transfer(ctx, from, to, back)
	if err != nil {
		err = fmt.Errorf("send data from %s to %s: %w", from, n.Name(), err)
	}
	return took, err
}

func (n *Node) transfer(ctx context.Context, from Vantage, to, back int) (time.Duration, error) {
	if from.From == FromNode {
		peer := n.cluster.Node(from.Node)
		address := n.addressAt(from)
		out, err := peer.Exec(ctx, transferLine, "PGHOST="+address.Host, "PGPORT="+strconv.Itoa(address.Port),
			"PGCHAOS_PSQL="+peer.program("psql"), "PGCHAOS_TO="+strconv.Itoa(to), "PGCHAOS_BACK="+strconv.Itoa(back))
		if err != nil {
			return 0, err
		}
		return timingOf(out.Stdout)
	}
	c, err := n.Connect(ctx, "transfer")
	if err != nil {
		return 0, err
	}
	defer endsession.Within(time.Second, c)
	begun := time.Now()
	params := [][]byte{[]byte(strings.Repeat("x", to)), []byte(strconv.Itoa(back))}
	result := c.PgConn().ExecParams(ctx, "select repeat('x', $2::int) where length($1::text) >= 0", params, nil, nil, nil).Read()
	return time.Since(begun), result.Err
}

// transferLine has psql write the time that a statement takes.
const transferLine = `{
	printf '\\timing on\nselect repeat(%sx%s, %s) where length(%s' "'" "'" "$PGCHAOS_BACK" "'"
	head -c "$PGCHAOS_TO" /dev/zero | tr '\0' x
	printf "') >= 0;\n"
} | "$PGCHAOS_PSQL" -XAtq -v ON_ERROR_STOP=1 -o /dev/null`

// timingOf reads "Time: 101.234 ms (00:00.101)".
func timingOf(said string) (time.Duration, error) {
	for line := range strings.Lines(said) {
		words := strings.Fields(line)
		if len(words) < 3 || words[0] != "Time:" || words[2] != "ms" {
			continue
		}
		ms, err := strconv.ParseFloat(words[1], 64)
		if err != nil {
			return 0, fmt.Errorf("psql says %q: %w", strings.TrimSpace(line), err)
		}
		return time.Duration(ms * float64(time.Millisecond)), nil
	}
	return 0, fmt.Errorf("psql says %q, and no time", strings.TrimSpace(said))
}
