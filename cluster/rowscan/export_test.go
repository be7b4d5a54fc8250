package rowscan

// Whole is the way of a server before PostgreSQL 14: one range.
func Whole(o ScanOptions) ScanOptions {
	o.whole = true
	return o
}

// RangeQuery is what reads the blocks from a on, up to before b, and the settings under
// which it is read.
func RangeQuery(table string, a, b int64) (settings, query string, err error) {
	s := scan{quoted: table, heap: heap{version: tidRanges}}
	query, err = s.query(blocks{a, b})
	return s.begin(), query, err
}
