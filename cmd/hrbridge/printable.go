package main

import (
	"strconv"
	"strings"
	"unicode"
)

// printable is s with everything escaped that could move a terminal's cursor, forge a line or hide text. What comes from a
// broker or a server is printed in no other way.
func printable(s string) string {
	if !strings.ContainsFunc(s, hidden) {
		return s
	}
	var b strings.Builder
	for _, c := range s {
		if !hidden(c) {
			b.WriteRune(c)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(c)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

func hidden(c rune) bool { return !unicode.IsPrint(c) || c == unicode.ReplacementChar }
