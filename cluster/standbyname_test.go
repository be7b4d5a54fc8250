package cluster

import "testing"

// TestApplicationName: the conninfo of a WAL receiver is not quoted.
func TestApplicationName(t *testing.T) {
	const rest = " fallback_application_name=walreceiver sslmode=prefer sslcompression=0 sslsni=1 krbsrvname=postgres target_session_attrs=any"
	for _, tt := range []struct{ name, conninfo, want string }{
		{"as Patroni has it", "user=rep passfile=/tmp/pgpass channel_binding=prefer dbname=replication host=10.0.0.1 port=5432 application_name=n2" + rest, "n2"},
		{"a blank in it", "user=rep host=10.0.0.1 port=5432 application_name=node two" + rest, "node two"},
		{"a blank before it", "user=rep passfile=/var/tmp/my files/pgpass host=10.0.0.1 application_name=n2" + rest, "n2"},
		{"a quote and a backslash", `host=/tmp application_name=it's a\b` + rest, `it's a\b`},
		{"the first setting", "application_name=n2" + rest, "n2"},
		{"also in the options", "options=-c application_name=other application_name=n2" + rest, "n2"},
		{"none", "user=rep passfile=/var/tmp/my files/pgpass host=10.0.0.1" + rest, ""},
		{"nothing", "", ""},
		{"primary_conninfo itself", "user=rep host=10.0.0.1 application_name=n2 gssencmode=prefer channel_binding=prefer", "n2"},
		{"primary_conninfo itself, with a blank", `host=10.0.0.1 application_name='node two' passfile='/var/tmp/my files/pgpass'`, "node two"},
		{"primary_conninfo itself, a URL", "postgres://rep@10.0.0.1:5432/?application_name=n2&sslmode=disable", "n2"},
		{"primary_conninfo itself, none", "host=10.0.0.1 port=5432", ""},
	} {
		if got := applicationName(tt.conninfo); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
