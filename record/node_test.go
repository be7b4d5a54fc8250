package record

import (
	"encoding/json"
	"testing"
)

func TestLSN(t *testing.T) {
	for _, c := range []struct {
		text string
		want LSN
	}{
		{"0/0", 0},
		{"0/16B3748", 0x16B3748},
		{"16/B374D848", 0x16_B374D848},
		{"FFFFFFFF/FFFFFFFF", 1<<64 - 1},
	} {
		got, err := ParseLSN(c.text)
		if err != nil || got != c.want || got.String() != c.text {
			t.Errorf("%s: %v (%#x), %v", c.text, got, uint64(got), err)
		}
		var back LSN
		text, _ := json.Marshal(got)
		if err := json.Unmarshal(text, &back); err != nil || back != got {
			t.Errorf("%s reads back as %v, %v", text, back, err)
		}
	}
	if got, err := ParseLSN("a/b"); err != nil || got != 0xa_0000000b {
		t.Errorf("lower case: %v, %v", got, err)
	}
	for _, text := range []string{"", "/", "0", "0/", "/0", "0/G", "0/0x", "1/2/3", "-1/0", "100000000/0", "0/100000000", "0/1 x", " 0/1", "0/1 .", "+1/0"} {
		if got, err := ParseLSN(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}
