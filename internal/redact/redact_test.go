package redact

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestTextHidesCredentials(t *testing.T) {
	r := New("hunter2!", "it's a\\secret", "-----BEGIN KEY-----\nMIIabcdef\n-----END KEY-----\n")
	for _, c := range []struct{ name, text, want string }{
		{"a given value", "psql -c 'select hunter2!'", "psql -c 'select ***'"},
		{"a given value in a URL", "postgres://u:hunter2%21@h/d", "postgres://u:***@h/d"},
		{"a given value in quotes of SQL", "alter role x password 'it''s a\\secret'", "alter role x password '***'"},
		{"a given value as Go quotes it", `"it's a\\secret"`, `"***"`},
		{"a line of a given value", "at MIIabcdef", "at ***"},
		{"a connection string", "host=a password=abc user=b", "host=a password=*** user=b"},
		{"a connection string in quotes", "host=a password='a b\\'c' user=b", "host=a password=*** user=b"},
		{"a connection string that is cut off", "host=a password='a b...: its quote is not closed", "host=a password=***: its quote is not closed"},
		{"a quote that is not closed", "password='a b\nnext", "password=***\nnext"},
		{"an environment variable", "PGPASSWORD=abc psql", "PGPASSWORD=*** psql"},
		{"a query of a URL", "http://h/?password=abc&x=1", "http://h/?password=***&x=1"},
		{"a user in a URI", "dial postgres://u:p@h:5432/d: refused", "dial postgres://u:***@h:5432/d: refused"},
		{"a user in a URI whose password has an @", "dial postgres://u:p@ss@w@h:5432/d: refused", "dial postgres://u:***@h:5432/d: refused"},
		{"two URIs", "postgres://u:p@h/d postgres://v:q@i/d", "postgres://u:***@h/d postgres://v:***@i/d"},
		{"a URI without a password", "http://h:80/x by a@b", "http://h:80/x by a@b"},
		{"a variable named PWD", "DB_PWD=abc ./deploy", "DB_PWD=*** ./deploy"},
		{"the working directory", "PWD=/var/lib", "PWD=/var/lib"},
		{"credentials", "credentials: abc", "credentials: ***"},
		{"a role in dollar quotes", "alter role x password $x$a b$x$ login", "alter role x password '***' login"},
		{"a role", "ALTER ROLE x PASSWORD 'abc' LOGIN", "ALTER ROLE x PASSWORD '***' LOGIN"},
		{"JSON", `{"api_key": "abc", "n": 1}`, `{"api_key": ***, "n": 1}`},
		{"a flag", "curl --token abc http://h", "curl --token *** http://h"},
		{"a setting that is none", "password_encryption = md5", "password_encryption = md5"},
		{"words", "the password is not shown; keys: 3 tokens passed", "the password is not shown; keys: 3 tokens passed"},
		{"an ordinary text", "kill-a: the server is down", "kill-a: the server is down"},
	} {
		if got := r.Text(c.text); got != c.want {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

type word string

type inner struct {
	Text  string
	Word  word
	Times []time.Duration
	at    time.Time
}

type outer struct {
	Name     string
	Settings map[string]string
	Counts   map[string]int64
	List     []inner
	One      *inner
	Any      any
	When     time.Time
}

func TestOfHidesInEveryText(t *testing.T) {
	r := New("hunter2")
	now := time.Now()
	v := outer{
		Name:     "hunter2",
		Settings: map[string]string{"ssl_passphrase_command": "echo x", "primary_conninfo": "host=a password=abc", "password_encryption": "md5", "work_mem": "4MB"},
		Counts:   map[string]int64{"of hunter2": 1, "57P01": 2},
		List:     []inner{{Text: "fine"}, {Text: "a hunter2 b", Word: "hunter2", at: now}},
		One:      &inner{Text: "hunter2"}, Any: "hunter2", When: now,
	}
	before := v.List[1].Text
	got := Of(r, v)
	want := outer{
		Name:     Hidden,
		Settings: map[string]string{"ssl_passphrase_command": Hidden, "primary_conninfo": "host=a password=***", "password_encryption": "md5", "work_mem": "4MB"},
		Counts:   map[string]int64{"of ***": 1, "57P01": 2},
		List:     []inner{{Text: "fine"}, {Text: "a *** b", Word: "hunter2", at: now}},
		One:      &inner{Text: Hidden}, Any: Hidden, When: now,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if v.Counts["of hunter2"] != 1 || v.List[1].Text != before || v.Name != "hunter2" || v.One.Text != "hunter2" {
		t.Error("the original was changed")
	}
}

func TestFound(t *testing.T) {
	got := Found("PGPASSWORD=hunter22 psql postgres://u:correcthorse@h/d -c \"alter role a password 'batterystaple'\" password=abc password=$X postgres://u:tr0ub@dor@h/d password $$opensesame$$ DB_PWD=swordfish")
	if strings.Join(got, " ") != "hunter22 swordfish correcthorse tr0ub@dor batterystaple opensesame" {
		t.Errorf("%q", got)
	}
}

func BenchmarkText(b *testing.B) {
	r := New("hunter2", "correcthorse")
	b.ReportAllocs()
	for b.Loop() {
		r.Text("stop-pgslave: pgslave is down, and its processes are gone")
	}
}
