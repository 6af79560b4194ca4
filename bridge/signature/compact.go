package signature

import (
	"bytes"
	"iter"
)

// runs yields doc without its insignificant white space, as the stretches between it: slices of doc, some perhaps empty, at
// least one, in time linear in doc.
//
// White space is insignificant outside strings, at either end of doc or beside punctuation: in JSON it stands nowhere else,
// and removing it never makes one token of two. So this is what compaction of JSON means everywhere, and what remains is
// JSON exactly where doc is; whether it is, is for others to judge. Nothing else is changed: no escape, no order, no number.
func runs(doc []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		start := 0
		for i := 0; i < len(doc); {
			switch doc[i] {
			case '"':
				i = stringEnd(doc, i)
			case ' ', '\t', '\r', '\n':
				end := spaceEnd(doc, i)
				if !separates(doc, i, end) {
					if !yield(doc[start:i]) {
						return
					}
					start = end
				}
				i = end
			default:
				i++
			}
		}
		yield(doc[start:])
	}
}

// spaced tells whether doc has insignificant white space.
func spaced(doc []byte) bool {
	for run := range runs(doc) {
		if len(run) < len(doc) {
			return true
		}
	}
	return false
}

// compacted returns doc without its insignificant white space: a copy of just the size, or doc itself where it has none.
func compacted(doc []byte) []byte {
	size := 0
	for run := range runs(doc) {
		size += len(run)
	}
	if size == len(doc) {
		return doc
	}
	compact := make([]byte, 0, size)
	for run := range runs(doc) {
		compact = append(compact, run...)
	}
	return compact
}

// stringEnd returns the position behind the string that opens at start, or doc's end where it never closes.
func stringEnd(doc []byte, start int) int {
	for end := start + 1; ; {
		quote := bytes.IndexByte(doc[end:], '"')
		if quote < 0 {
			return len(doc)
		}
		end += quote + 1
		// Behind an odd number of backslashes a quote is escaped. The opening quote ends the look back, and each backslash
		// stands right before one quote at most, so that all of it stays linear.
		backslashes := 0
		for doc[end-2-backslashes] == '\\' {
			backslashes++
		}
		if backslashes%2 == 0 {
			return end
		}
	}
}

// spaceEnd returns the position behind the white space that begins at start.
func spaceEnd(doc []byte, start int) int {
	end := start + 1
	for end < len(doc) && isSpace(doc[end]) {
		end++
	}
	return end
}

// separates tells whether the white space from start to end keeps two tokens apart that could be one without it.
func separates(doc []byte, start, end int) bool {
	return start > 0 && end < len(doc) && !isPunctuation(doc[start-1]) && !isPunctuation(doc[end])
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

func isPunctuation(c byte) bool {
	switch c {
	case '{', '}', '[', ']', ':', ',':
		return true
	default:
		return false
	}
}
