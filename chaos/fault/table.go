package fault

// Kinds is the table of all actions, in the order in which they are listed to users.
func Kinds() []Kind {
	return []Kind{
		stop(),
		start(),
		restart(),
		kill(),
		pause(),
		resume(),
		disconnect(),
		connect(),
		limit(),
		exec(),
		promote(),
		configure(),
		follow(),
		rejoin(),
		clone(),
		backup(),
		startLoad(),
		stopLoad(),
		wait(),
		sql(),
		verify(),
	}
}
