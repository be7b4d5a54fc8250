package report

import "pgchaos/record"

// Notes are what the provider says about the nodes' use of resources.
func (c *Cluster) Notes() record.UsageNotes {
	if c.UsageNotes != nil {
		return *c.UsageNotes
	}
	return notesOfOlder[c.Provider]
}

// notesOfOlder are those of results in which the provider did not say it, by its name.
var notesOfOlder = map[string]record.UsageNotes{
	"local": {
		NoNet:    "the nodes are processes of one machine, which counts network traffic as a whole and not for each process",
		BlockOut: "bytes written to files; fewer bytes can reach the disk, or later",
	},
	"docker": {NoBlock: "the kernel of the Docker engine does not count the blocks of a container"},
}
