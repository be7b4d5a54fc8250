package chaos

import "context"

// Promote makes a primary of a standby. Nothing fences the old one.
func (s *Scene) Promote(selector string) Action {
	return func(ctx context.Context, act *Act) error {
		n, err := s.one(ctx, selector)
		if err != nil {
			return err
		}
		act.On(n)
		if err := n.Promote(ctx); err != nil {
			return err
		}
		act.Effective()
		s.becamePrimary(n.Name())
		if st := n.State(ctx); st.Reachable {
			act.Note("timeline %d", st.Timeline)
		}
		return nil
	}
}
