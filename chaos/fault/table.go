package fault

// Kinds is the table of all actions, in the order in which they are listed to users: by the groups of kind.go.
func Kinds() []Kind {
	return []Kind{
		// Servers and processes
		stop(),
		start(),
		restart(),
		kill(),
		pause(),
		resume(),
		killProcess(),
		pauseProcess(),

		// Network
		disconnect(),
		connect(),
		partition(),
		halfOpen(),
		reject(),
		delay(),
		throttle(),
		flap(),
		dropConnections(),

		// Replication
		pauseReplay(),
		resumeReplay(),
		applyDelay(),
		holdWAL(),
		dropSlot(),
		disconnectStandbys(),
		promote(),
		splitBrain(),
		configure(),
		follow(),

		// Sessions and locks
		terminateBackends(),
		cancelBackends(),
		exhaustConnections(),
		lockTable(),
		longTransaction(),
		longQuery(),

		// Maintenance
		checkpoint(),
		switchWAL(),
		vacuumFull(),
		reindex(),
		backup(),

		// Resources
		limit(),
		burnCPU(),
		fillDisk(),
		slowFsync(),

		// Runbooks
		failover(),
		switchover(),
		rollingRestart(),
		rejoin(),
		clone(),
		sql(),
		exec(),
		hook(),
		managerSwitchover(),

		// Load and checks
		startLoad(),
		stopLoad(),
		waiting(),
		verify(),
	}
}
