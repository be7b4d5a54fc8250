package script

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"pgchaos/load/generate"
)

// op is an operator or function.
type op uint8

const (
	opConstant op = iota
	opVariable
	opAnd
	opOr
	opNot
	opCase
	opIs
	opAdd
	opSubtract
	opMultiply
	opDivide
	opMod
	opEqual
	opNotEqual
	opLess
	opLessEqual
	opBitAnd
	opBitOr
	opBitXor
	opShiftLeft
	opShiftRight
	opAbs
	opDebug
	opDouble
	opExp
	opInt
	opLn
	opSqrt
	opPi
	opPower
	opLeast
	opGreatest
	opHashFnv1a
	opHashMurmur2
	opPermute
	opRandom
	opRandomExponential
	opRandomGaussian
	opRandomZipfian
)

// function is a function by its name, and how many arguments it takes.
type function struct {
	op          op
	least, most int
	seeded      bool // the last argument is :default_seed where it is left out
}

var functions = map[string]function{
	"abs":                {op: opAbs, least: 1, most: 1},
	"debug":              {op: opDebug, least: 1, most: 1},
	"double":             {op: opDouble, least: 1, most: 1},
	"exp":                {op: opExp, least: 1, most: 1},
	"greatest":           {op: opGreatest, least: 1, most: maxArgs},
	"hash":               {op: opHashMurmur2, least: 1, most: 2, seeded: true},
	"hash_fnv1a":         {op: opHashFnv1a, least: 1, most: 2, seeded: true},
	"hash_murmur2":       {op: opHashMurmur2, least: 1, most: 2, seeded: true},
	"int":                {op: opInt, least: 1, most: 1},
	"least":              {op: opLeast, least: 1, most: maxArgs},
	"ln":                 {op: opLn, least: 1, most: 1},
	"mod":                {op: opMod, least: 2, most: 2},
	"permute":            {op: opPermute, least: 2, most: 3, seeded: true},
	"pi":                 {op: opPi},
	"pow":                {op: opPower, least: 2, most: 2},
	"power":              {op: opPower, least: 2, most: 2},
	"random":             {op: opRandom, least: 2, most: 2},
	"random_exponential": {op: opRandomExponential, least: 3, most: 3},
	"random_gaussian":    {op: opRandomGaussian, least: 3, most: 3},
	"random_zipfian":     {op: opRandomZipfian, least: 3, most: 3},
	"sqrt":               {op: opSqrt, least: 1, most: 1},
}

// draw is one of the random functions. Their distributions are pgbench's, their
// numbers are not: the generator is another.
func (r *Run) draw(op op, args []value) (value, error) {
	low, err := args[0].toInt()
	if err != nil {
		return value{}, err
	}
	high, err := args[1].toInt()
	switch {
	case err != nil:
		return value{}, err
	case low > high:
		return value{}, errors.New("empty range given to random")
	case uint64(high)-uint64(low) >= math.MaxInt64:
		return value{}, errors.New("random range is too large")
	case op == opRandom:
		return integer(generate.Uniform{Min: low, Max: high}.Draw(r.rng)), nil
	}
	param, err := args[2].toDouble()
	if err != nil {
		return value{}, err
	}
	switch op {
	case opRandomGaussian:
		// NaN is refused as well: pgbench lets it through, to numbers that mean nothing.
		if !(param >= 2) {
			return value{}, fmt.Errorf("gaussian parameter must be at least %f (not %f)", 2.0, param)
		}
		return integer(generate.Gaussian{Min: low, Max: high, Sigma: param}.Draw(r.rng)), nil
	case opRandomZipfian:
		if !(param >= generate.MinTheta && param <= generate.MaxTheta) {
			return value{}, fmt.Errorf("zipfian parameter must be in range [%.3f, %.0f] (not %f)",
				generate.MinTheta, generate.MaxTheta, param)
		}
		if !r.zipfian.Is(low, high, param) {
			r.zipfian = generate.NewZipfian(low, high, param)
		}
		return integer(r.zipfian.Draw(r.rng)), nil
	}
	if !(param > 0) {
		return value{}, fmt.Errorf("exponential parameter must be greater than zero (not %f)", param)
	}
	return integer(generate.Exponential{Min: low, Max: high, Rate: param}.Draw(r.rng)), nil
}

// hashFnv1a is FNV-1a over the eight bytes of a number, the lowest first, with a seed
// mixed into its beginning.
func hashFnv1a(i, seed int64) int64 {
	h := uint64(0xcbf29ce484222325) ^ uint64(seed)
	for n := range 8 {
		h = (h ^ uint64(i)>>(8*n)&0xff) * 0x100000001b3
	}
	return int64(h)
}

// hashMurmur2 is MurmurHash2's variant of 64 bits, over the eight bytes of a number.
func hashMurmur2(i, seed int64) int64 {
	m, length := uint64(0xc6a4a7935bd1e995), uint64(8)
	mix := func(x uint64) uint64 { return x ^ x>>47 }
	h := uint64(seed) ^ m*length
	h = (h ^ mix(uint64(i)*m)*m) * m
	return int64(mix(mix(h) * m))
}

// permute is where i comes to lie when the numbers below size are shuffled by a seed.
// It has to do what pgbench does, step for step, to give the same numbers: six rounds,
// in each of which the lower and the upper stretch (of the greatest power of two within
// size) are multiplied, xored and rotated, and all is shifted.
func permute(i, size, seed int64) int64 {
	if size < 2 {
		return 0
	}
	rng := newXoroshiro(uint64(seed))
	n := uint64(size)
	width := bits.Len64(n) - 1
	x := uint64(i) % n
	for range 6 {
		x = rng.stir(x, width)
		x = n - 1 - rng.stir(n-1-x, width)
		x = (x + rng.below(n)) % n
	}
	return int64(x)
}

// xoroshiro is Blackman and Vigna's xoroshiro128**, seeded by splitmix64, as
// PostgreSQL uses it.
type xoroshiro struct{ a, b uint64 }

func newXoroshiro(seed uint64) xoroshiro {
	// The two are never both 0: splitmix64 is a bijection of states that differ.
	return xoroshiro{a: splitmix(&seed), b: splitmix(&seed)}
}

func splitmix(state *uint64) uint64 {
	*state += 0x9e3779b97f4a7c15
	x := *state
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// stir multiplies, xors and rotates the lowest bits of a number; one that has more
// bits stays as it is, but takes the same draws.
func (x *xoroshiro) stir(number uint64, width int) uint64 {
	mask := uint64(1)<<width - 1
	factor := x.next()&mask | 1
	xor := x.next() & mask
	if number > mask {
		return number
	}
	number = (number*factor ^ xor) & mask
	return number<<1&mask | number>>(width-1)
}

func (x *xoroshiro) next() uint64 {
	result := bits.RotateLeft64(x.a*5, 7) * 9
	b := x.b ^ x.a
	x.a = bits.RotateLeft64(x.a, 24) ^ b ^ b<<16
	x.b = bits.RotateLeft64(b, 37)
	return result
}

// below draws a number below n, which is at least 2: as many bits as n-1 has, until
// they are fewer than n.
func (x *xoroshiro) below(n uint64) uint64 {
	shift := bits.LeadingZeros64(n - 1)
	for {
		if r := x.next() >> shift; r < n {
			return r
		}
	}
}
