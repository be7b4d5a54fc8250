// Package redact hides secrets in what is written: the values that a user marked as
// secret, and what looks like a credential.
package redact

import (
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Hidden stands where a secret was.
const Hidden = "***"

// minFound is the least length of a secret that was found by its looks in the experiment and is then
// hidden wherever it stands: a shorter one is a part of ordinary words.
const minFound = 6

// Redactor hides secrets. It is safe for concurrent use. The zero value, and nil, hide what looks
// like a credential.
type Redactor struct {
	literals []string // the longest first
}

// New is a Redactor that also hides the given values, in the forms that quoting and
// escaping give them.
func New(secrets ...string) *Redactor {
	r := &Redactor{}
	for _, s := range secrets {
		r.add(s)
		for line := range strings.Lines(s) { // of a key, which a log shows line by line
			if line = strings.TrimSpace(line); len(line) >= minFound && line != s {
				r.add(line)
			}
		}
	}
	slices.SortFunc(r.literals, func(a, b string) int { return len(b) - len(a) })
	r.literals = slices.Compact(r.literals)
	return r
}

func (r *Redactor) add(secret string) {
	if secret == "" {
		return
	}
	quoted := strconv.Quote(secret)
	r.literals = append(r.literals, secret, url.QueryEscape(secret), url.PathEscape(secret), url.UserPassword("u", secret).String()[len("u:"):],
		strings.ReplaceAll(secret, "'", "''"), strings.ReplaceAll(secret, "'", `'\''`),
		strings.ReplaceAll(strings.ReplaceAll(secret, `\`, `\\`), "'", `\'`), quoted[1:len(quoted)-1])
}

var (
	// NAME=value and NAME: value, as in a connection string, an environment variable and a URL's query;
	// the value may be in quotes, which can be cut off (...) or not closed at all.
	assigned = regexp.MustCompile(`(?i)((?:password|passphrase|passwd|secret|token|api_?key|access_?key|_pwd|credentials?)(?:_\w+)?["']?\s*[=:]\s*)('(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*"|'[^'\n]+?(?:\.\.\.|(?m:$))|"[^"\n]+?(?:\.\.\.|(?m:$))|[^\s'"&,;)}]+)`)
	// user:password@ in a URI; up to the last @, since a password may hold some.
	inURI = regexp.MustCompile(`(://[^\s:/@]*:)([^\s/"]+)@`)
	// PASSWORD 'x' of an ALTER ROLE.
	ofRole = regexp.MustCompile(`(?i)(password\s+)(e?'(?:[^'\\]|\\.|'')*'|\$\w*\$[^$]*\$\w*\$)`)
	// --password x of a program.
	flagged = regexp.MustCompile(`(?i)(--(?:password|token|secret)\s+)([^\s'"-]\S*)`)
)

// dollars are the quotes of a text in dollar quotes.
var dollars = regexp.MustCompile(`^\$\w*\$|\$\w*\$$`)

// SecretName tells whether a setting, a key or a variable of this name holds a secret.
func SecretName(name string) bool {
	return secretName.MatchString(name) && !notSecret[strings.ToLower(name)]
}

var (
	secretName = regexp.MustCompile(`(?i)PASS|PWD|SECRET|TOKEN|CREDENTIAL|_KEY\b|APIKEY`)
	notSecret  = map[string]bool{"password_encryption": true, "passfile": true, "passed": true, "bypass": true, "pwd": true}
)

// Found are the credentials in a text that are long enough to be hidden wherever they
// stand.
func Found(text string) (secrets []string) {
	for _, form := range []*regexp.Regexp{assigned, inURI, ofRole, flagged} {
		for _, m := range form.FindAllStringSubmatch(text, -1) {
			if s := strings.Trim(dollars.ReplaceAllString(m[2], ""), `'"`); len(s) >= minFound && s != Hidden && !strings.HasPrefix(s, "$") {
				secrets = append(secrets, s)
			}
		}
	}
	return secrets
}

// Text is a text without its secrets, as Printable.
func (r *Redactor) Text(text string) string { return r.hide(Printable(text)) }

func (r *Redactor) hide(text string) string {
	if r != nil {
		for _, secret := range r.literals {
			if strings.Contains(text, secret) {
				text = strings.ReplaceAll(text, secret, Hidden)
			}
		}
	}
	if strings.Contains(text, "://") {
		text = inURI.ReplaceAllString(text, "${1}"+Hidden+"@")
	}
	if !mayHoldCredential(text) {
		return text
	}
	text = assigned.ReplaceAllStringFunc(text, func(found string) string {
		m := assigned.FindStringSubmatch(found)
		if strings.HasPrefix(strings.ToLower(m[1]), "password_encryption") {
			return found
		}
		return m[1] + Hidden
	})
	text = ofRole.ReplaceAllString(text, "${1}'"+Hidden+"'")
	return flagged.ReplaceAllString(text, "${1}"+Hidden)
}

// mayHoldCredential passes over almost all texts without a regular expression.
func mayHoldCredential(text string) bool {
	for i := 0; i+3 < len(text); i++ {
		switch text[i] | 0x20 {
		case 'p':
			if strings.EqualFold(text[i:i+4], "pass") || strings.EqualFold(text[i:i+3], "pwd") {
				return true
			}
		case 'c':
			if strings.EqualFold(text[i:i+4], "cred") {
				return true
			}
		case 's':
			if strings.EqualFold(text[i:i+4], "secr") {
				return true
			}
		case 't':
			if strings.EqualFold(text[i:i+4], "toke") {
				return true
			}
		case 'k':
			if strings.EqualFold(text[i:i+3], "key") {
				return true
			}
		}
	}
	return false
}

// Line is a text as Printable, in one line.
func Line(text string) string { return strings.Join(strings.Fields(Printable(text)), " ") }

// Of is a value with the secrets hidden in every text that it holds, however deep: in
// strings, but not in types made of string, which are words of ours. Each is Printable and Short, but
// for a field with the tag text:"whole". What is as it must be is shared with v; nothing of v is changed.
func Of[T any](r *Redactor, v T) T {
	out, changed := r.value(reflect.ValueOf(&v).Elem())
	if !changed {
		return v
	}
	return out.Interface().(T)
}

var plainString = reflect.TypeFor[string]()

func (r *Redactor) value(v reflect.Value) (out reflect.Value, changed bool) {
	switch v.Kind() {
	case reflect.String:
		if v.Type() != plainString {
			return v, false
		}
		before := v.String()
		if after := Short(r.Text(before)); after != before {
			return reflect.ValueOf(after), true
		}
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return v, false
		}
		inner, changed := r.value(v.Elem())
		if !changed {
			return v, false
		}
		if v.Kind() == reflect.Interface {
			return inner, true
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(inner)
		return out, true
	case reflect.Struct:
		return r.structure(v)
	case reflect.Slice, reflect.Array:
		return r.list(v)
	case reflect.Map:
		return r.mapping(v)
	}
	return v, false
}

func (r *Redactor) structure(v reflect.Value) (out reflect.Value, changed bool) {
	for i := range v.NumField() {
		if !v.Type().Field(i).IsExported() {
			continue
		}
		field, fieldChanged := v.Field(i), false
		if v.Type().Field(i).Tag.Get("text") == "whole" {
			if after := r.hide(field.String()); after != field.String() {
				field, fieldChanged = reflect.ValueOf(after), true
			}
		} else {
			field, fieldChanged = r.value(field)
		}
		if !fieldChanged {
			continue
		}
		if !changed {
			out, changed = reflect.New(v.Type()).Elem(), true
			out.Set(v)
		}
		out.Field(i).Set(field)
	}
	if !changed {
		return v, false
	}
	return out, true
}

func (r *Redactor) list(v reflect.Value) (out reflect.Value, changed bool) {
	if !holdsText(v.Type().Elem()) {
		return v, false
	}
	for i := range v.Len() {
		item, itemChanged := r.value(v.Index(i))
		if !itemChanged {
			continue
		}
		if !changed {
			changed = true
			if out = reflect.New(v.Type()).Elem(); v.Kind() == reflect.Slice {
				out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			}
			reflect.Copy(out, v)
		}
		out.Index(i).Set(item)
	}
	if !changed {
		return v, false
	}
	return out, true
}

// mapping hides the values of secret names whole, and what is secret in keys.
func (r *Redactor) mapping(v reflect.Value) (out reflect.Value, changed bool) {
	named := v.Type().Key() == plainString
	if !named && !holdsText(v.Type().Elem()) {
		return v, false
	}
	for entry := v.MapRange(); entry.Next(); {
		key, value := entry.Key(), entry.Value()
		item, itemChanged := r.value(value)
		if key.Kind() == reflect.String && SecretName(key.String()) && value.Type() == plainString && value.String() != "" {
			item, itemChanged = reflect.ValueOf(Hidden), value.String() != Hidden
		}
		shown, keyChanged := key, false
		if named {
			shown, keyChanged = r.value(key)
		}
		if !itemChanged && !keyChanged {
			continue
		}
		if !changed {
			changed = true
			out = reflect.MakeMapWithSize(v.Type(), v.Len())
			for all := v.MapRange(); all.Next(); {
				out.SetMapIndex(all.Key(), all.Value())
			}
		}
		if keyChanged {
			out.SetMapIndex(key, reflect.Value{})
		}
		out.SetMapIndex(shown, item)
	}
	if !changed {
		return v, false
	}
	return out, true
}

// holdsText tells numbers and words of ours, of which a result has millions, from what can
// hold a text.
func holdsText(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String:
		return t == plainString
	case reflect.Pointer, reflect.Interface, reflect.Struct, reflect.Slice, reflect.Array, reflect.Map:
		return true
	}
	return false
}
