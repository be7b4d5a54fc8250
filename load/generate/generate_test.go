package generate

import (
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

func source(client int) *Source {
	at := time.Date(2026, 3, 1, 13, 4, 5, 67_000, time.FixedZone("", 3600))
	return &Source{Rand: rand.New(rand.NewPCG(1, uint64(client))), Client: client, Now: func() time.Time { return at }}
}

// made is a generator whose parameters are right.
func made[G Generator](g G, err error) Generator {
	if err != nil {
		panic(err)
	}
	return g
}

func TestTexts(t *testing.T) {
	for _, tt := range []struct {
		name string
		g    Generator
		want string // a regular expression
	}{
		{"uniform", made(NewUniform(-3, 3)), `^-?[0-3]$`},
		{"uniform, all 64 bits", made(NewUniform(math.MinInt64, math.MaxInt64)), `^-?\d+$`},
		{"uniform of one", made(NewUniform(7, 7)), `^7$`},
		{"gaussian", made(NewGaussian(10, 19, 2.5)), `^1\d$`},
		{"gaussian, hardly one", made(NewGaussian(10, 19, 0.1)), `^1\d$`},
		{"zipfian", made(MakeZipfian(10, 19, 1.1)), `^1\d$`},
		{"zipfian of one", made(MakeZipfian(10, 10, 1.1)), `^10$`},
		{"choice", made(NewChoice([]string{"red", "it's"})), `^(red|it's)$`},
		{"text", Text(30), `^[a-z0-5]{30}$`},
		{"no text", Text(0), `^$`},
		{"now", Now{}, `^2026-03-01 12:04:05\.000067\+00$`},
		{"client", Client{}, `^4$`},
		{"uuid", UUID{}, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			one, same, other := source(4), source(4), source(5)
			want := regexp.MustCompile(tt.want)
			var differ bool
			for range 1000 {
				text := string(tt.g.Append([]byte("x"), one))
				if text[0] != 'x' || !want.MatchString(text[1:]) {
					t.Fatalf("got %q, wanted x and %s", text, tt.want)
				}
				if again := string(tt.g.Append([]byte("x"), same)); again != text {
					t.Fatalf("the same seed and client gave %q and %q", text, again)
				}
				differ = differ || string(tt.g.Append([]byte("x"), other)) != text
			}
			if fixed := slices.Contains([]string{"uniform of one", "zipfian of one", "no text", "now"}, tt.name); differ == fixed {
				t.Errorf("another client's differ: %v", differ)
			}
			buffer := make([]byte, 0, 100)
			if n := testing.AllocsPerRun(100, func() { buffer = tt.g.Append(buffer[:0], one) }); n > 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

func TestASequenceGivesNobodyTheSame(t *testing.T) {
	q := NewSequence(-5)
	var mu sync.Mutex
	var wg sync.WaitGroup
	var all []int
	for client := range 8 {
		wg.Go(func() {
			s := source(client)
			for range 1000 {
				i, err := strconv.Atoi(string(q.Append(nil, s)))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				all = append(all, i)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(all)
	for i, got := range all {
		if got != i-5 {
			t.Fatalf("number %d is %d", i, got)
		}
	}
}

func TestWhatCannotBeDrawnFrom(t *testing.T) {
	for name, err := range map[string]error{
		"uniform, empty":       second(NewUniform(2, 1)),
		"gaussian, empty":      second(NewGaussian(2, 1, 3)),
		"gaussian, too wide":   second(NewGaussian(math.MinInt64, math.MaxInt64, 3)),
		"gaussian, sigma 0":    second(NewGaussian(1, 2, 0)),
		"gaussian, sigma NaN":  second(NewGaussian(1, 2, math.NaN())),
		"zipfian, empty":       second(MakeZipfian(2, 1, 3)),
		"zipfian, too wide":    second(MakeZipfian(0, math.MaxInt64, 3)),
		"zipfian, theta 1":     second(MakeZipfian(1, 2, 1)),
		"zipfian, theta 1001":  second(MakeZipfian(1, 2, 1001)),
		"zipfian, theta NaN":   second(MakeZipfian(1, 2, math.NaN())),
		"choice among nothing": second(NewChoice(nil)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// The first of a thousand comes as often as 1/k^theta says.
func TestZipfianIsZipfian(t *testing.T) {
	const n = 200_000
	for _, theta := range []float64{1.001, 1.2, 3} {
		z := NewZipfian(1, 1000, theta)
		s := source(0)
		var count [1001]int
		for range n {
			count[z.Draw(s.Rand)]++
		}
		sum := 0.0
		for k := 1; k <= 1000; k++ {
			sum += math.Pow(float64(k), -theta)
		}
		for _, k := range []int{1, 2, 3, 10, 100, 1000} {
			want := math.Pow(float64(k), -theta) / sum
			if got, off := float64(count[k])/n, 5*math.Sqrt(want*(1-want)/n)+1.0/n; math.Abs(got-want) > off {
				t.Errorf("theta %v: %d has a share of %.5f, not %.5f", theta, k, got, want)
			}
		}
	}
}

func BenchmarkZipfian(b *testing.B) {
	z, s := NewZipfian(1, 1_000_000, 1.1), source(0)
	for b.Loop() {
		z.Draw(s.Rand)
	}
}
