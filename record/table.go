package record

import "strings"

// PublicSchema is where a table is whose name has no schema.
const PublicSchema = "public"

// TableName is the name of a table by which a run knows it, once it has been found:
// schema.table, or the table's name alone in the schema public. Neither holds a dot.
func TableName(schema, table string) string {
	if schema == PublicSchema {
		return table
	}
	return schema + "." + table
}

// QuotedTable is the full name of a table for SQL, so that no search_path decides which
// table it is. Name is as TableName returns it.
func QuotedTable(name string) string {
	schema, table, given := strings.Cut(name, ".")
	if !given {
		schema, table = PublicSchema, name
	}
	return quoteIdentifier(schema) + "." + quoteIdentifier(table)
}

func quoteIdentifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
