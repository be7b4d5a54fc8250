// Package rows knows keys and rows: how the rows of an audited table are made, and what a node holds of them. The
// audit and the scan of a node share it.
package rows

// Table says how the audited table's rows are made.
type Table struct {
	Name    string
	Serial  bool // int_value comes from the sequence; the tag in char_value tells the key
	Payload int  // bytes of char_value
}
