package audit

import (
	"pgchaos/record"
	"pgchaos/rows"
)

// heldRow is a row as a table has it.
type heldRow struct {
	integer int64
	null    bool
	value   []byte
}

func asWritten(t rows.Table, key record.Key, serial int64) heldRow {
	r := heldRow{integer: int64(key), value: record.AppendPayload(nil, key, t.Payload)}
	if t.Serial {
		r.integer = serial
	}
	return r
}

// hold makes a sealed Holding of the rows.
func hold(t rows.Table, maxOdd int, all ...heldRow) *rows.Holding {
	h := rows.NewHolding(t, maxOdd)
	for _, r := range all {
		h.Add(r.integer, r.null, r.value)
	}
	h.Seal()
	return h
}
