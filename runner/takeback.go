package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"pgchaos/chaos"
	"pgchaos/chaos/fault"
	"pgchaos/cluster"
	"pgchaos/internal/redact"
)

// takeBack takes back what the audit has not: it was skipped, or the run broke off before. Where the nodes are
// removed, only what would outlive them matters; where they stay, all tells whether everything was taken back.
func (r *run) takeBack(ctx context.Context) (all bool, left error) {
	if r.undo == nil { // no step was begun
		return true, nil
	}
	if ctx.Err() != nil {
		return false, r.stays()
	}
	if r.Keep || !r.session.single { // the nodes stay for now
		err := r.undo.Heal(ctx)
		if err == nil {
			return true, nil
		}
		if ctx.Err() != nil {
			return false, r.stays()
		}
		// Which the audit of the kept cluster has to know.
		r.result.Settle = append(r.result.Settle, settleNote("", "", fmt.Errorf("take the faults back: %w", err)))
		if r.Keep && r.session.single {
			return false, fmt.Errorf("%w: in the cluster that is kept, what steps have changed: %w%s", ErrLeftBehind, err, r.byHand())
		}
		return false, nil // the next run begins with another cluster
	}
	if err := r.undo.HealOutliving(ctx); err != nil {
		if ctx.Err() != nil {
			return false, r.stays()
		}
		return false, fmt.Errorf("%w: what steps have changed: %w%s", ErrLeftBehind, err, r.byHand())
	}
	return false, nil
}

// stays names what a second interrupt leaves to `clean`. Where no step has changed anything, the removal says what it leaves.
func (r *run) stays() error {
	all := r.undo.Standing()
	if len(all) == 0 || !r.session.single {
		return nil
	}
	return fmt.Errorf("%w: %s, and what steps have changed; to be done: %s", ErrLeftBehind, r.session.remains(), strings.Join(all, ", "))
}

// byHand says where the commands are that take hooks back; "": there are none.
func (r *run) byHand() string {
	if r.journal == nil || r.journal.script == nil || len(r.journal.script.lines) == 0 {
		return ""
	}
	return "; the commands for that are in " + r.journal.script.path
}

// openTimeout bounds how long it may take to find the nodes of a run whose pgchaos is gone.
const openTimeout = 60 * time.Second

// ErrNotTakenBack marks an error of TakeBack that names reversals that were not done, so that somebody has to do them by hand.
var ErrNotTakenBack = errors.New("take back what the run changed outside of its nodes")

// TakeBack takes back what the steps of a run have changed and its pgchaos has not taken back, because
// it was killed. The run's result directory may be gone or be another's: what is read there only chooses among
// the run's own nodes. What would outlive the run is not tried where somebody has done it byHand.
// A doubt says why more may have been changed than is known. An error that is an ErrNotTakenBack says what would stay if the
// run were removed now; with any other the nodes could not be found, or not be let go of.
func TakeBack(ctx context.Context, l cluster.Leftover, byHand bool) (done chaos.Replayed, doubt string, err error) {
	dir := userOf(l.Results, l.Run)
	all, end, doubt := standing(dir, l.Run)
	all, untrusted := trusted(dir, end.own(), all)
	if !byHand {
		if l.Borrowed && doubt != "" && (!l.Kept || !gone(dir)) { // whatever it was, no removal ends it. A kept run had taken all back, or said so
			untrusted, doubt = append(untrusted, doubt+"; look at the cluster"), ""
		}
		if len(untrusted) > 0 {
			defer func() { err = errors.Join(notTakenBack(errors.New(joinDoubts(untrusted...))), err) }()
		}
	}
	if len(all) == 0 {
		return done, doubt, nil
	}
	opening, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	nodes, err := l.Nodes(opening)
	if err != nil {
		return done, doubt, err
	}
	defer func() { err = errors.Join(err, nodes.Close()) }()
	done, err = chaos.Replay(ctx, fault.Reversals(), all, nodes.Host, chaos.Cleaning{NodesStay: l.Borrowed, ByHand: byHand})
	// The removal of the nodes may fail. What outlives them is then not to be done again, which would need them.
	if err := end.noteUndone(dir, slices.DeleteFunc(all, func(r chaos.Reversal) bool { return !done.Covers(r) })); err != nil {
		doubt = joinDoubts(doubt, "what was taken back could not be noted in the journal, so that another clean would do it again: "+redact.Printable(err.Error()))
	}
	if err != nil {
		err = notTakenBack(err)
	}
	return done, doubt, err
}

func gone(dir string) bool {
	_, err := os.Stat(dir)
	return errors.Is(err, fs.ErrNotExist)
}

func notTakenBack(why error) error {
	return fmt.Errorf("%w: %s; the run is left until that is done", ErrNotTakenBack, redact.Short(redact.Printable(why.Error())))
}

// own tells whether nobody but this user can have written the journal.
func (end journalEnd) own() bool { return end.info != nil && ours(end.info) }

// ours tells whether nobody but this user can have written a file.
func ours(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid() && info.Mode().IsRegular() && info.Mode().Perm()&0o022 == 0
}

// trusted leaves out the reversals that run a command of the journal, unless it is our own, and says what is left to do.
func trusted(dir string, own bool, all []chaos.Reversal) (left []chaos.Reversal, untrusted []string) {
	kinds := fault.Reversals()
	for _, r := range all {
		if !own && kinds[r.Kind].Obeys {
			untrusted = append(untrusted, fmt.Sprintf("%s was not done: %s belongs to another user, or others can write it, and it names a command; look at it, and do that by hand",
				r, filepath.Join(dir, JournalFile)))
			continue
		}
		left = append(left, r)
	}
	return left, untrusted
}

// joinDoubts joins those that there are.
func joinDoubts(doubts ...string) string {
	return strings.Join(slices.DeleteFunc(doubts, func(d string) bool { return d == "" }), "; ")
}

// standing are the reversals in the journal of a run that were not done, in the order of their changes.
func standing(dir, run string) (all []chaos.Reversal, end journalEnd, doubt string) {
	if gone(dir) {
		return nil, end, "there is no " + dir + " on this machine, so it is not known what the steps of the run had changed"
	}
	undone := map[int]struct{}{}
	of := ""
	end, err := readLines(dir, func(l journalLine) {
		if of == "" {
			of = cmp.Or(l.Cluster, l.Run)
		}
		for _, r := range l.Intend {
			r.Kind, r.Node = redact.Short(redact.Printable(r.Kind)), redact.Short(redact.Printable(r.Node))
			all = append(all, r)
		}
		if l.Undone != nil {
			undone[l.Undone.ID] = struct{}{}
		}
	})
	switch {
	case errors.Is(err, fs.ErrNotExist): // its load had not begun
		return nil, end, ""
	case err != nil:
		return nil, end, err.Error()
	case of != run && (of != "" || end.damage == ""):
		return nil, end, filepath.Join(dir, JournalFile) + " is of another run, so it is not known what the steps of this one had changed"
	}
	return slices.DeleteFunc(all, func(r chaos.Reversal) bool {
		_, done := undone[r.ID]
		return done
	}), end, end.damage
}
