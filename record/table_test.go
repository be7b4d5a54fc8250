package record_test

import (
	"testing"

	"pgchaos/record"
)

func TestTableNames(t *testing.T) {
	for _, tt := range []struct{ schema, table, name, quoted string }{
		{"public", "test_data", "test_data", `"public"."test_data"`},
		{"app", "test_data", "app.test_data", `"app"."test_data"`},
		{"App", `od"d`, `App.od"d`, `"App"."od""d"`},
	} {
		name := record.TableName(tt.schema, tt.table)
		if quoted := record.QuotedTable(name); name != tt.name || quoted != tt.quoted {
			t.Errorf("%s and %s: %s, %s", tt.schema, tt.table, name, quoted)
		}
	}
	if quoted := record.QuotedTable("public.test_data"); quoted != `"public"."test_data"` {
		t.Error(quoted)
	}
}
