package fault

// Manual is what the documentation says of an action beyond its first sentence. Each text is one to four
// sentences for somebody who runs PostgreSQL and has never used pgchaos.
type Manual struct {
	Does     string // what it does, exactly
	Effect   string // what PostgreSQL and its clients see of it
	Verified string // how the step makes sure that it has taken effect
	Back     string // how it is taken back, and what stays; "" where nothing is to be taken back
	// Example is one or more steps of a timeline, as YAML list items. They run on the nodes pgmaster, pgslave
	// and pgslave2, under the workloads writes and reads.
	Example string
	// Cluster is what the example needs beside the nodes under cluster, as a line of YAML; "" where it needs nothing.
	Cluster string
}
