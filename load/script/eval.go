package script

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// eval evaluates an expression. What it takes is bounded by the expression's size.
func (r *Run) eval(n *node) (value, error) {
	switch n.op {
	case opConstant:
		return n.value, nil
	case opVariable:
		return r.vars[n.slot].typed(r.script.names[n.slot])
	case opAnd, opOr:
		return r.evalLogic(n)
	case opCase:
		args := n.args
		for len(args) > 1 {
			when, err := r.eval(args[0])
			if err != nil {
				return value{}, err
			}
			if when.truth() {
				return r.eval(args[1])
			}
			args = args[2:]
		}
		return r.eval(args[0])
	}
	base := len(r.stack)
	result, err := r.call(n)
	r.stack = r.stack[:base]
	return result, err
}

// call evaluates a function, whose arguments it leaves on the stack.
func (r *Run) call(n *node) (value, error) {
	base, null := len(r.stack), false
	for _, arg := range n.args {
		v := arg.value
		if arg.op != opConstant { // which a call would cost more than it takes
			var err error
			if v, err = r.eval(arg); err != nil {
				return value{}, err
			}
		}
		r.stack = append(r.stack, v)
		null = null || v.kind == kindNull
	}
	args := r.stack[base:]
	switch {
	case n.op == opIs:
		return boolean(args[0].kind == args[1].kind && args[0].i == args[1].i), nil
	case n.op == opDebug:
		if r.Debug != nil {
			r.Debug(args[0].kind.String() + " " + string(args[0].append(nil)))
		}
		return args[0], nil
	case null:
		return value{kind: kindNull}, nil
	}
	return r.apply(n.op, args)
}

// evalLogic is AND and OR. As in pgbench, NULL on the left is the result, and what is
// right is evaluated only where it matters.
func (r *Run) evalLogic(n *node) (value, error) {
	for i, arg := range n.args {
		v, err := r.eval(arg)
		if err != nil || v.kind == kindNull {
			return v, err
		}
		b, err := v.toBool()
		if err != nil || b == (n.op == opOr) || i == 1 {
			return boolean(b), err
		}
	}
	return value{}, errors.New("and, or: no operands")
}

// apply is the operators and functions of which no argument is NULL.
func (r *Run) apply(op op, args []value) (value, error) {
	switch op {
	case opAdd, opSubtract, opMultiply, opDivide, opEqual, opNotEqual, opLess, opLessEqual:
		if args[0].kind == kindDouble || args[1].kind == kindDouble {
			return doubles(op, args)
		}
		return integers(op, args)
	case opMod, opBitAnd, opBitOr, opBitXor, opShiftLeft, opShiftRight, opHashFnv1a, opHashMurmur2:
		return integers(op, args)
	case opNot:
		b, err := args[0].toBool()
		return boolean(!b), err
	case opPi:
		return double(math.Pi), nil
	case opPower:
		return doubles(op, args)
	case opAbs:
		if args[0].kind == kindInt {
			return integer(max(args[0].i, -args[0].i)), nil
		}
		return singles(op, args[0])
	case opDouble, opExp, opLn, opSqrt:
		return singles(op, args[0])
	case opInt:
		i, err := args[0].toInt()
		return integer(i), err
	case opLeast, opGreatest:
		return extremum(op, args)
	case opPermute:
		return permutation(args)
	case opRandom, opRandomExponential, opRandomGaussian, opRandomZipfian:
		return r.draw(op, args)
	}
	return value{}, fmt.Errorf("operation %d is unknown", op)
}

// singles is the functions of one double.
func singles(op op, arg value) (value, error) {
	d, err := arg.toDouble()
	switch op {
	case opAbs:
		d = math.Abs(d)
	case opExp:
		d = math.Exp(d)
	case opLn:
		d = math.Log(d)
	case opSqrt:
		d = math.Sqrt(d)
	}
	return double(d), err
}

// doubles is the operators of two doubles.
func doubles(op op, args []value) (value, error) {
	a, err := args[0].toDouble()
	if err != nil {
		return value{}, err
	}
	b, err := args[1].toDouble()
	if err != nil {
		return value{}, err
	}
	switch op {
	case opAdd:
		return double(a + b), nil
	case opSubtract:
		return double(a - b), nil
	case opMultiply:
		return double(a * b), nil
	case opDivide:
		return double(a / b), nil // by 0 as well: that is infinity, in C too
	case opPower:
		return double(math.Pow(a, b)), nil
	case opEqual:
		return boolean(a == b), nil
	case opNotEqual:
		return boolean(a != b), nil
	case opLess:
		return boolean(a < b), nil
	}
	return boolean(a <= b), nil
}

// integers is the operators of two integers.
func integers(op op, args []value) (value, error) {
	a, err := args[0].toInt()
	if err != nil {
		return value{}, err
	}
	b, err := args[1].toInt()
	if err != nil {
		return value{}, err
	}
	switch op {
	case opAdd, opSubtract, opMultiply, opDivide, opMod:
		return arithmetic(op, a, b)
	case opEqual:
		return boolean(a == b), nil
	case opNotEqual:
		return boolean(a != b), nil
	case opLess:
		return boolean(a < b), nil
	case opLessEqual:
		return boolean(a <= b), nil
	case opBitAnd:
		return integer(a & b), nil
	case opBitOr:
		return integer(a | b), nil
	case opBitXor:
		return integer(a ^ b), nil
	// C leaves it open what a shift by more than 63 is; the machines that pgbench
	// runs on take the lowest six bits.
	case opShiftLeft:
		return integer(a << (b & 63)), nil
	case opShiftRight:
		return integer(a >> (b & 63)), nil
	case opHashFnv1a:
		return integer(hashFnv1a(a, b)), nil
	}
	return integer(hashMurmur2(a, b)), nil
}

// arithmetic refuses every result that does not fit into 64 bits.
func arithmetic(op op, a, b int64) (value, error) {
	switch op {
	case opAdd:
		if sum := a + b; (sum > a) == (b > 0) {
			return integer(sum), nil
		}
		return value{}, errors.New("bigint add out of range")
	case opSubtract:
		if difference := a - b; (difference < a) == (b > 0) {
			return integer(difference), nil
		}
		return value{}, errors.New("bigint sub out of range")
	case opMultiply:
		// The high half of the product of 128 bits says whether the low one is all of it.
		high, low := bits.Mul64(uint64(a), uint64(b))
		if a < 0 {
			high -= uint64(b)
		}
		if b < 0 {
			high -= uint64(a)
		}
		if int64(high) != int64(low)>>63 {
			return value{}, errors.New("bigint mul out of range")
		}
		return integer(int64(low)), nil
	}
	switch {
	case b == 0:
		return value{}, errors.New("division by zero")
	case op == opMod:
		return integer(a % b), nil
	case a == math.MinInt64 && b == -1:
		return value{}, errors.New("bigint div out of range")
	}
	return integer(a / b), nil
}

// extremum is least and greatest: of doubles, if one of the arguments is one.
func extremum(op op, args []value) (value, error) {
	floating := false
	for _, arg := range args {
		floating = floating || arg.kind == kindDouble
	}
	var result value
	for i, arg := range args {
		var next value
		var keep bool // as C's macros have it, of which NaN makes what comes last
		if floating {
			d, err := arg.toDouble()
			if err != nil {
				return value{}, err
			}
			next, keep = double(d), result.d < d && op == opLeast || result.d > d && op == opGreatest
		} else {
			k, err := arg.toInt()
			if err != nil {
				return value{}, err
			}
			next, keep = integer(k), result.i < k && op == opLeast || result.i > k && op == opGreatest
		}
		if i == 0 || !keep {
			result = next
		}
	}
	return result, nil
}

func permutation(args []value) (value, error) {
	var of [3]int64
	for i := range of {
		k, err := args[i].toInt()
		if err != nil {
			return value{}, err
		}
		of[i] = k
	}
	if of[1] <= 0 {
		return value{}, errors.New("permute size parameter must be greater than zero")
	}
	return integer(permute(of[0], of[1], of[2])), nil
}
