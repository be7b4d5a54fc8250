package pgload

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"pgchaos/load/generate"
	"pgchaos/load/script"
	"pgchaos/record/ledger"
)

// part is what one kind of work has in common over all clients: the whole of a
// workload, or a part of a mix.
type part struct {
	w      *Workload
	cfg    Work
	name   string // of a part of a mix; "": it is the whole workload
	number int
	weight int
	// first is the place of its statements in Workload.statements, of which upfront are
	// prepared before an operation begins, and the others when they are first executed:
	// they may be about what one before them has made.
	first, upfront int
	transaction    bool // begin and commit are wanted
	only           bool // whether nothing it does can be seen to write

	writers    []*ledger.Writer  // insert: by client
	progress   []*writerPosition // insert: where readers see how far each writer is; nil without Progress
	readers    []*reader         // read: by client; nil until its first session
	table      []int64           // read: shares of Latest, Point and Range, added up
	generators []generate.Generator
	variables  [][]int // sql: for each statement the generators of its parameters
	script     *script.Script
}

// addParts makes the parts and their statements.
func (w *Workload) addParts() error {
	parts := []Part{{Work: w.cfg.Work}}
	if w.cfg.Kind == Mix {
		parts = w.cfg.Mix
		if len(parts) == 0 {
			return errors.New("kind mix has no part")
		}
	}
	for i, c := range parts {
		p := &part{w: w, cfg: c.Work, name: c.Name, number: i, weight: max(c.Weight, 1), first: len(w.statements)}
		err := p.build()
		if err != nil {
			if w.cfg.Kind == Mix {
				err = fmt.Errorf("part %s: %w", c.Name, err)
			}
			return err
		}
		w.parts = append(w.parts, p)
		w.weights += p.weight
	}
	for i := range w.statements {
		if n := len(w.statements[i].Vars); n > math.MaxUint16 {
			return fmt.Errorf("a statement of %d parameters: PostgreSQL takes %d at most", n, math.MaxUint16)
		}
		w.statements[i].named("pgchaos" + strconv.Itoa(i))
	}
	return nil
}

// build checks a part, and makes its statements.
func (p *part) build() error {
	c := &p.cfg
	c.Statements, c.Pipeline, c.Scale = max(c.Statements, 1), max(c.Pipeline, 1), max(c.Scale, 1)
	if c.Pipeline > 1 && (p.w.simple || c.Kind == TPCB || c.Kind == Script) {
		return errors.New("a pipeline is of the extended protocol, and of a kind of one statement")
	}
	build := map[string]func() error{
		Insert: p.buildInsert, Read: p.buildRead, Update: p.buildUpdate, TPCB: p.buildScript, SQL: p.buildSQL, Script: p.buildScript,
	}[c.Kind]
	if build == nil {
		return fmt.Errorf("kind %q: none of %s", c.Kind, strings.Join([]string{Insert, Read, Update, TPCB, SQL, Mix, Script}, ", "))
	}
	return build()
}

func (p *part) add(s statement) { p.w.statements = append(p.w.statements, s) }

func (p *part) buildInsert() error {
	c := &p.cfg
	c.Rows = max(c.Rows, 1)
	if c.Table == "" {
		c.Table = DefaultTable
	}
	switch {
	case c.Statements > 1 && c.Pipeline > 1:
		return errors.New("an insert has several statements in a transaction, or in a pipeline, but not both")
	case c.Rows*c.Statements*c.Pipeline > ledger.MostAtOnce:
		return fmt.Errorf("an insert writes at most %d rows at once, not %d", ledger.MostAtOnce, c.Rows*c.Statements*c.Pipeline)
	}
	s, err := insertStatement(c.Table, c.Serial, c.Rows, p.w.cfg.Pooled)
	p.add(s)
	p.upfront, p.transaction = 1, c.Statements > 1
	return err
}

func (p *part) buildRead() error {
	c := &p.cfg
	if c.Table == "" {
		c.Table = DefaultTable
	}
	if len(c.Reads) == 0 {
		c.Reads = map[string]int{Latest: 1}
	}
	known := []string{Latest, Point, Range}
	for name, share := range c.Reads {
		if !slices.Contains(known, name) || share < 0 {
			return fmt.Errorf("reads %s: %d: none of %s, with a share", name, share, strings.Join(known, ", "))
		}
	}
	sum := int64(0)
	for _, name := range known {
		sum += int64(c.Reads[name])
		p.table = append(p.table, sum)
		s, err := readStatement(c.Table, c.Serial, name, p.w.cfg.Pooled)
		if err != nil {
			return err
		}
		p.add(s)
	}
	if sum == 0 {
		return errors.New("reads: all shares are 0")
	}
	p.upfront, p.only = len(known), true
	p.readers = make([]*reader, p.w.cfg.Clients)
	return nil
}

func (p *part) buildUpdate() error {
	c := &p.cfg
	if c.Table == "" {
		c.Table = DefaultUpdateTable
	}
	if c.Rows <= 0 {
		c.Rows = DefaultRows
	}
	s, err := updateStatement(c.Table)
	p.add(s)
	p.upfront = 1
	return err
}

func (p *part) buildSQL() error {
	c := &p.cfg
	if err := p.addGenerators(); err != nil {
		return err
	}
	if len(c.SQL) == 0 {
		return errors.New("kind sql needs a statement")
	}
	p.transaction = len(c.SQL) > 1
	if p.transaction && c.Pipeline > 1 {
		return errors.New("a pipeline is of one statement, not of a transaction")
	}
	p.only = true
	for i, text := range c.SQL {
		if err := p.addSQL(text); err != nil {
			return fmt.Errorf("sql, statement %d: %w", i+1, err)
		}
	}
	if !p.transaction {
		p.upfront = 1
	}
	return nil
}

func (p *part) addSQL(text string) error {
	if strings.TrimSpace(text) == "" {
		return errors.New("it is empty")
	}
	if p.w.simple && strings.Contains(strings.TrimRight(text, "; \t\r\n"), ";") {
		return errors.New("there is a semicolon in it: in the simple protocol that could be several statements; make them a list, or take the extended protocol")
	}
	s := newStatement(text)
	if err := s.checkWarnings(); err != nil {
		return err
	}
	if p.transaction && s.controlling {
		return fmt.Errorf("%s: the statements of a list are one transaction, which begins and is committed by itself", firstWord(text))
	}
	var which []int
	for _, name := range s.Vars {
		i := slices.IndexFunc(p.cfg.Params, func(param Param) bool { return param.Name == name })
		if i < 0 {
			return fmt.Errorf(":%s has no generator among the params", name)
		}
		which = append(which, i)
	}
	p.variables = append(p.variables, which)
	p.only = p.only && !s.writes
	p.add(s)
	return nil
}

func (p *part) addGenerators() error {
	for _, param := range p.cfg.Params {
		g, err := newGenerator(param)
		if err != nil {
			return fmt.Errorf("params %s: %w", param.Name, err)
		}
		p.generators = append(p.generators, g)
	}
	return nil
}

const defaultSigma = 2.5

func newGenerator(p Param) (generate.Generator, error) {
	switch p.Kind {
	case "sequence":
		return generate.NewSequence(p.Min), nil
	case "uniform":
		return generate.NewUniform(p.Min, p.Max)
	case "zipfian":
		return generate.MakeZipfian(p.Min, p.Max, p.Theta)
	case "gaussian":
		sigma := p.Sigma
		if sigma == 0 {
			sigma = defaultSigma
		}
		return generate.NewGaussian(p.Min, p.Max, sigma)
	case "choice":
		return generate.NewChoice(p.Choices)
	case "text":
		return generate.Text(p.Length), nil
	case "now":
		return generate.Now{}, nil
	case "client":
		return generate.Client{}, nil
	case "uuid":
		return generate.UUID{}, nil
	}
	return nil, fmt.Errorf("%q: none of sequence, uniform, zipfian, gaussian, choice, text, now, client, uuid", p.Kind)
}

func (p *part) buildScript() (err error) {
	if p.cfg.Kind == TPCB {
		p.script, err = script.Builtin("tpcb-like")
	} else {
		p.script, err = script.Parse(p.cfg.ScriptName, p.cfg.Script)
	}
	if err == nil {
		err = p.script.Check(p.cfg.Set, p.w.simple)
	}
	if err != nil {
		return err
	}
	p.only = true
	for _, st := range p.script.Statements() {
		s := makeStatement(st)
		if err := s.checkWarnings(); err != nil {
			return fmt.Errorf("%s:%d: %w", p.cfg.ScriptName, st.Line, err)
		}
		p.only = p.only && (!s.writes || s.controlling)
		p.add(s)
	}
	return nil
}

// writes tells whether the part must be taken for one that writes.
func (p *part) writes() bool { return !p.only }

// WriterName is whose writers they are, as the ledger tells it: a workload's; or those of
// a part of a mix, whose parts may write to tables of their own. The part is "" for what
// is no mix.
func WriterName(workload, part string) string {
	if part == "" {
		return workload
	}
	return workload + "/" + part
}

// addWriters makes the clients' writers, and their positions in the progress.
func (p *part) addWriters() error {
	if p.cfg.Kind != Insert {
		return nil
	}
	if p.w.cfg.Ledger == nil {
		return errors.New("kind insert needs a ledger")
	}
	for range p.w.cfg.Clients {
		writer, err := p.w.cfg.Ledger.AddWriter(WriterName(p.w.cfg.Workload, p.name))
		if err != nil {
			return err
		}
		var h *writerPosition
		if p.w.cfg.Progress != nil {
			h = p.w.cfg.Progress.add(p.cfg.Table, writer.ID())
		}
		p.writers, p.progress = append(p.writers, writer), append(p.progress, h)
	}
	return nil
}

// inserts tells whether somebody wants to know who answers.
func (w *Workload) inserts() bool {
	return slices.ContainsFunc(w.parts, func(p *part) bool { return p.cfg.Kind == Insert })
}

// pick is the part that is performed next.
func (w *Workload) pick(random *rand.Rand) int {
	if len(w.parts) == 1 {
		return 0
	}
	n := random.IntN(w.weights)
	for i, p := range w.parts {
		if n -= p.weight; n < 0 {
			return i
		}
	}
	return 0
}

// newWork makes what the nth session of a client does for this part.
func (p *part) newWork(s *session, nth uint64) work {
	switch p.cfg.Kind {
	case Insert:
		return newInsert(p, s)
	case Read:
		return &read{part: p, session: s, reader: p.reader(s.client), random: s.random, conn: -1}
	case Update:
		return &update{part: p, random: s.random, client: s.client, count: int64(nth-1) << 24}
	case SQL:
		return newSQL(p, s)
	}
	run := p.script.NewRun(s.client, p.w.cfg.Seed+(nth-1)*golden+uint64(p.number), p.cfg.Set, p.cfg.Scale)
	return &scripted{part: p, session: s, run: run}
}

// golden spreads the seeds of a client's sessions.
const golden = 0x9e3779b97f4a7c15
