package fault

import (
	"strings"

	"github.com/jackc/pgx/v5"
)

// Statements is of parameters whose action sends SQL that can take something away from users, or changes something. What it only asks a
// server for is not among them.
type Statements interface {
	// Statements are sent as they stand, where the tables of the run are in a schema. What has no one text is said in words.
	Statements(schema string) []string
}

// tableIn quotes the name of a table, which is in a schema where none is named.
func tableIn(schema, table string) string {
	parts := strings.Split(table, ".")
	if len(parts) == 1 {
		parts = []string{schema, table}
	}
	return pgx.Identifier(parts).Sanitize()
}
