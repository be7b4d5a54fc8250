package record

// Truth is what is known of a question. The zero value is that nothing is known.
type Truth uint8

// The answers.
const (
	NotKnown Truth = iota
	False
	True
)

// Count is a number that is known only from and to.
type Count struct{ Least, Most int }

// add counts one more, which certain tells to be one.
func (c *Count) add(certain bool) {
	c.Most++
	if certain {
		c.Least++
	}
}

// reaches tells whether it is at least another number.
func (c Count) reaches(other Count) Truth {
	switch {
	case c.Least >= other.Most:
		return True
	case c.Most < other.Least:
		return False
	}
	return NotKnown
}
