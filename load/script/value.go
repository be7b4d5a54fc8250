package script

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// kind is the type of a value.
type kind uint8

const (
	kindUnset kind = iota // a variable that nothing has set yet
	kindText              // a text whose type nobody has asked for yet
	kindNull
	kindBool
	kindInt
	kindDouble
)

func (k kind) String() string {
	return [...]string{"none", "text", "null", "boolean", "int", "double"}[k]
}

// value is what an expression gives. i holds the integer, or 1 for true.
type value struct {
	kind kind
	i    int64
	d    float64
}

func integer(i int64) value  { return value{kind: kindInt, i: i} }
func double(d float64) value { return value{kind: kindDouble, d: d} }

func boolean(b bool) value {
	if b {
		return value{kind: kindBool, i: 1}
	}
	return value{kind: kindBool}
}

// truth is what a condition makes of a value: NULL is false, and a number true if it is not 0.
func (v value) truth() bool {
	if v.kind == kindDouble {
		return v.d != 0
	}
	return v.i != 0
}

func (v value) toBool() (bool, error) {
	if v.kind != kindBool {
		return false, fmt.Errorf("cannot coerce %s to boolean", v.kind)
	}
	return v.i != 0, nil
}

func (v value) toDouble() (float64, error) {
	switch v.kind {
	case kindDouble:
		return v.d, nil
	case kindInt:
		return float64(v.i), nil
	}
	return 0, fmt.Errorf("cannot coerce %s to double", v.kind)
}

func (v value) toInt() (int64, error) {
	switch v.kind {
	case kindInt:
		return v.i, nil
	case kindDouble:
		d := math.RoundToEven(v.d)
		// 2^63 itself is the first that does not fit.
		if !(d >= math.MinInt64 && d < -math.MinInt64) {
			return 0, fmt.Errorf("double to int overflow for %f", d)
		}
		return int64(d), nil
	}
	return 0, fmt.Errorf("cannot coerce %s to int", v.kind)
}

// append adds the value's text, as PostgreSQL's own printf writes it: %d, and %.15g.
func (v value) append(dst []byte) []byte {
	switch v.kind {
	case kindInt:
		return strconv.AppendInt(dst, v.i, 10)
	case kindBool:
		return strconv.AppendBool(dst, v.i != 0)
	case kindDouble:
		switch {
		case math.IsNaN(v.d):
			return append(dst, "NaN"...)
		case math.IsInf(v.d, 1):
			return append(dst, "Infinity"...)
		case math.IsInf(v.d, -1):
			return append(dst, "-Infinity"...)
		}
		return strconv.AppendFloat(dst, v.d, 'g', 15, 64)
	}
	return append(dst, "NULL"...)
}

// variable is a variable of a run. Its text is made when somebody asks for it.
type variable struct {
	value
	text    []byte
	hasText bool
}

// put gives the variable a value.
func (v *variable) put(to value) {
	v.value, v.hasText = to, false
}

// putText gives it a text, whose type is found out when an expression needs it.
func (v *variable) putText(text []byte) {
	v.value, v.hasText = value{kind: kindText}, true
	v.text = append(v.text[:0], text...)
}

// bytes is the variable's text; it is overwritten when the variable is.
func (v *variable) bytes() []byte {
	if !v.hasText {
		v.text, v.hasText = v.append(v.text[:0]), true
	}
	return v.text
}

// typed is the variable's value; a text is read as what it looks like.
func (v *variable) typed(name string) (value, error) {
	switch v.kind {
	case kindUnset:
		return value{}, fmt.Errorf("undefined variable %q", name)
	case kindText:
		read, err := readValue(string(v.text))
		if err != nil {
			return value{}, fmt.Errorf("malformed variable %q value: %w", name, err)
		}
		v.value = read
	}
	return v.value, nil
}

// readValue reads null, the words for true and false and their beginnings, but for
// "o", an integer or a double.
func readValue(text string) (value, error) {
	lower := strings.ToLower(text)
	begins := func(word string) bool { return strings.HasPrefix(word, lower) }
	switch {
	case text == "":
		return value{}, fmt.Errorf("it is empty")
	case lower == "null":
		return value{kind: kindNull}, nil
	case begins("true"), begins("yes"), lower == "on":
		return boolean(true), nil
	case begins("false"), begins("no"), lower == "off", lower == "of":
		return boolean(false), nil
	}
	trimmed := strings.TrimLeft(text, " \t\n\v\f\r")
	digits := strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(trimmed, "+"), "-"), "0123456789")
	if digits == "" {
		i, err := strconv.ParseInt(trimmed, 10, 64)
		if err != nil {
			return value{}, fmt.Errorf("value %q is out of range for type bigint", text)
		}
		return integer(i), nil
	}
	d, err := strconv.ParseFloat(trimmed, 64)
	if err != nil || strings.Contains(trimmed, "_") {
		return value{}, fmt.Errorf("%q", text)
	}
	return double(d), nil
}
