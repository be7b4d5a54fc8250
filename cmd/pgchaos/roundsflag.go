package main

import (
	"errors"
	"strconv"
)

// roundsFlag is a number of rounds. 0 is what it is without the flag, so that the flag refuses it.
type roundsFlag int

func (r *roundsFlag) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return errors.New("write a number from 1 to 1000")
	}
	*r = roundsFlag(n)
	return nil
}

func (r *roundsFlag) String() string { return strconv.Itoa(int(*r)) }

func (r *roundsFlag) Type() string { return "int" }
