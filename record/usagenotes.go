package record

// UsageNotes are what a provider says about the resource samples of its nodes, to be
// shown with them: a sentence each, "" where there is nothing to say.
type UsageNotes struct {
	NoNet    string `json:"no_net,omitempty"`    // why network traffic may not be known
	NoBlock  string `json:"no_block,omitempty"`  // why transfers of blocks may not be known
	BlockOut string `json:"block_out,omitempty"` // what is counted as block output
}
