package bridge

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// members are those of an element that decide where it goes, read by exact name from the element's own level.
type members struct {
	start  int // where the element begins in the document
	object bool

	eventType          string
	hasType            bool
	profileKey, jobKey string
}

// members reads the array's next element whole.
func (u *unpacker) members() (members, error) {
	m := members{object: u.decoder.PeekKind() == '{'}
	if !m.object {
		value, err := u.value()
		m.start = int(u.decoder.InputOffset()) - len(value)
		return m, err
	}
	if _, err := u.decoder.ReadToken(); err != nil {
		return m, err
	}
	m.start = int(u.decoder.InputOffset()) - 1
	for u.decoder.PeekKind() != '}' {
		name, err := u.decoder.ReadValue()
		if err != nil {
			return m, err
		}
		switch isType, isProfile, isJob := named(name, "type"), named(name, "profile"), named(name, "job"); {
		case isType:
			m.eventType, m.hasType, err = u.text()
		case isProfile:
			m.profileKey, err = u.keyOf()
		case isJob:
			m.jobKey, err = u.keyOf()
		default:
			_, err = u.value()
		}
		if err != nil {
			return m, err
		}
	}
	_, err := u.decoder.ReadToken()
	return m, err
}

// keyOf reads the next value and returns the text of its member "key"; "" where it is no object or has no such text.
func (u *unpacker) keyOf() (string, error) {
	if u.decoder.PeekKind() != '{' {
		_, err := u.value()
		return "", err
	}
	if _, err := u.decoder.ReadToken(); err != nil {
		return "", err
	}
	var key string
	for u.decoder.PeekKind() != '}' {
		name, err := u.decoder.ReadValue()
		if err != nil {
			return "", err
		}
		if named(name, "key") {
			key, _, err = u.text()
		} else {
			_, err = u.value()
		}
		if err != nil {
			return "", err
		}
	}
	_, err := u.decoder.ReadToken()
	return key, err
}

// text reads the next value and returns it where it is a string.
func (u *unpacker) text() (s string, ok bool, err error) {
	if u.decoder.PeekKind() != '"' {
		_, err := u.value()
		return "", false, err
	}
	token, err := u.decoder.ReadToken()
	if err != nil {
		return "", false, err
	}
	return token.String(), true, nil
}

// value reads the next value whole, no deeper than MaxDepth.
func (u *unpacker) value() ([]byte, error) {
	value, err := u.decoder.ReadValue()
	if err == nil && u.decoder.StackDepth()+depth(value) > MaxDepth {
		err = invalid(fmt.Errorf("nested deeper than %d", MaxDepth))
	}
	return value, err
}

// depth is how deeply value, which is valid JSON, is nested: 0 of a string, 1 of an empty array.
func depth(value []byte) int {
	now, most := 0, 0
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case '{', '[':
			now++
			most = max(most, now)
		case '}', ']':
			now--
		case '"':
			i = endOfString(value, i)
		}
	}
	return most
}

// endOfString is the position of the quotation mark that ends the string which begins at start.
func endOfString(value []byte, start int) int {
	for i := start + 1; ; i++ {
		n := bytes.IndexByte(value[i:], '"')
		if n < 0 {
			return len(value)
		}
		i += n
		escapes := 0
		for value[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i
		}
	}
}

// named tells whether quoted, a member's name as it stands in the document, is name. An escaped name is the same name.
func named(quoted []byte, name string) bool {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1:len(quoted)-1]) == name
	}
	unquoted, err := jsontext.AppendUnquote(nil, quoted)
	return err == nil && string(unquoted) == name
}

// place fills in what the members say of e.
func (m members) place(e *Event) {
	switch {
	case !m.object:
		e.Reason = ReasonNotObject
		return
	case !m.hasType:
		e.Reason = ReasonNoType
		return
	}
	t, err := ParseType(m.eventType)
	if err != nil {
		e.Reason, e.LegibleType = ReasonBadType, legible(m.eventType)
		return
	}
	e.Type, e.Key = t, m.profileKey
	if t.Object() == "job" {
		e.Key = m.jobKey
	}
	if len(e.Key) > MaxKeyLength {
		e.Key, e.Reason = "", ReasonKeyTooLong
	}
}

// legible is s where it is fit for a header and can be nothing but a name; otherwise "".
func legible(s string) string {
	if len(s) > MaxTypeLength {
		return ""
	}
	for _, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return ""
		}
	}
	return s
}
