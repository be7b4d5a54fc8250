// Package words holds the test of the words that this tree avoids.
package words
