package cluster

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// SplitCommand splits a command line into the program and its arguments, at blanks. Quotes keep words together, as in a
// shell; nothing is expanded, and no shell runs the command. What only a shell can do is an error.
func SplitCommand(line string) (words []string, err error) {
	var word strings.Builder
	var quote rune
	inWord, escaped := false, false
	for _, c := range line {
		switch {
		case escaped:
			if quote == '"' && !strings.ContainsRune("$`\"\\\n", c) { // where a backslash keeps its meaning for these alone
				word.WriteRune('\\')
			}
			word.WriteRune(c)
			escaped = false
		case c == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			quote, inWord = c, true
		case strings.ContainsRune(" \t\n", c):
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		case strings.ContainsRune("|&;<>()$`*?[", c), c == '~' && !inWord:
			return nil, fmt.Errorf("%q is for a shell, and no shell runs this command: write sh -c '...', or put it into quotes", c)
		default:
			word.WriteRune(c)
			inWord = true
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("a quote is not closed")
	}
	if inWord {
		words = append(words, word.String())
	}
	if len(words) == 0 {
		return nil, errors.New("there is no command")
	}
	return words, nil
}

// The words of an ExecTemplate that stand for something.
const (
	hostWord    = "{host}"
	commandWord = "{command}"
)

// nodeWord stands for the node's name in a command.
const nodeWord = "{node}"

// ForNode is a command in which {host} and {node} stand for a node's machine and name. They are replaced within words: what
// replaces them splits none.
func ForNode(argv []string, node, host string) []string {
	words := make([]string, len(argv))
	for i, w := range argv {
		words[i] = strings.NewReplacer(hostWord, host, nodeWord, node).Replace(w)
	}
	return words
}

// placeholder is a word in braces.
var placeholder = regexp.MustCompile(`\{[A-Za-z][A-Za-z0-9_]*\}`)

// notAfter are the characters that make something else of a placeholder behind them: ${VARIABLE} of a shell, %{variable} of curl and
// others, {{template}} of docker.
const notAfter = `$%#@\{`

// unknownPlaceholder is an error where a word of a command of the user's has something in braces that pgchaos does not replace there: it
// would be sent as it stands.
func unknownPlaceholder(words []string, known ...string) error {
	for _, w := range words {
		for _, at := range placeholder.FindAllStringIndex(w, -1) {
			in := w[at[0]:at[1]]
			if slices.Contains(known, in) || at[0] > 0 && strings.Contains(notAfter, w[at[0]-1:at[0]]) {
				continue
			}
			return fmt.Errorf("%s stands for nothing here: write %s (braces that mean something else need a blank in them: { %s })", in, strings.Join(known, " or "), strings.Trim(in, "{}"))
		}
	}
	return nil
}

// CheckForNode is an error where a command of ForNode has a placeholder that is not replaced.
func CheckForNode(argv []string) error { return unknownPlaceholder(argv, hostWord, nodeWord) }

// PlainWord tells whether a word means itself in a line of shell, without quotes.
func PlainWord(word string) bool { return quotedForShell(word) == word }

// ExecTemplate is how a user's own program, such as ssh, docker or kubectl, runs a command on a node:
// `docker exec {host} {command}`.
type ExecTemplate struct{ words []string }

// ParseExec reads a template. {command} must be a word of its own; {host} can stand anywhere.
func ParseExec(text string) (ExecTemplate, error) {
	words, err := SplitCommand(text)
	if err != nil {
		return ExecTemplate{}, err
	}
	if err := unknownPlaceholder(words, hostWord, commandWord); err != nil {
		return ExecTemplate{}, err
	}
	commands := 0
	for i, w := range words {
		if w == commandWord {
			if i > 0 && (words[i-1] == "-c" || shellTakesOne(words[:i])) {
				return ExecTemplate{}, fmt.Errorf("{command} after %s would give a shell its first word alone: leave the shell out", words[i-1])
			}
			commands++
		} else if strings.Contains(w, commandWord) {
			return ExecTemplate{}, errors.New("{command} must stand alone, between blanks: it becomes several arguments")
		}
	}
	if commands != 1 {
		return ExecTemplate{}, errors.New("it must have {command} once: docker exec {host} {command}")
	}
	return ExecTemplate{words}, nil
}

// shells are the programs that take one word as a command after an option -c, which can stand beside others, as in -lc.
var shells = []string{"sh", "ash", "bash", "csh", "dash", "fish", "ksh", "mksh", "tcsh", "zsh", "su", "runuser"}

// shellTakesOne tells whether what follows these words is the command of a shell, which takes the next words for something else.
func shellTakesOne(words []string) bool {
	last := words[len(words)-1]
	return strings.HasPrefix(last, "-") && !strings.HasPrefix(last, "--") && strings.Contains(last, "c") &&
		slices.ContainsFunc(words[:len(words)-1], func(w string) bool { return slices.Contains(shells, path.Base(w)) })
}

// Argv is the command that runs another one on a host. Ssh joins its arguments with blanks and gives the line to a shell
// on the other side (ssh(1)), so its command is quoted for that shell, and arrives there word by word; also where ssh
// is not the first word, as in timeout 10 ssh.
func (t ExecTemplate) Argv(host string, command []string) (argv []string) {
	byShell := false
	for _, w := range t.words {
		if w != commandWord {
			byShell = byShell || path.Base(w) == "ssh"
			argv = append(argv, strings.ReplaceAll(w, hostWord, host))
			continue
		}
		for _, c := range command {
			if byShell {
				c = quotedForShell(c)
			}
			argv = append(argv, c)
		}
	}
	return argv
}

// CommandLine shows a command so that a shell would run it.
func CommandLine(argv []string) string {
	quoted := make([]string, len(argv))
	for i, a := range argv {
		quoted[i] = quotedForShell(a)
	}
	return strings.Join(quoted, " ")
}

func quotedForShell(word string) string {
	plain := word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%") == ""
	if plain {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
