package bridge_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"hrbridge/bridge"
)

// FuzzUnpack holds Unpack against encoding/json: it takes nothing that encoding/json refuses, refuses nothing that it takes
// but for a reason that can be named, and each raw slice decodes to the element.
func FuzzUnpack(f *testing.F) {
	for _, doc := range []string{
		`[]`, `{}`, `[{}]`, ` [ { "type" : "profile.parsing.success" } , 1 ] `, `[1,"a",null,true,[[]],{"a":{"b":[{}]}}]`,
		`{"type":"job.parsing.error","job":{"key":"\u006a1"}}`, `[{"a":1,"a":2}]`, `[{"a":1,"\u0061":2}]`, `["\ud83d\ude00","\ud800"]`,
		"[\"\xff\"]", `[1e400,-0,0.1E-7,123456789012345678901234567890]`, strings.Repeat("[", 100) + strings.Repeat("]", 100),
		`[{"profile":{"key":"\\\"\\\\"}}]`, `[]]`, `[}`, `[{"x":"]}[{\\"}]`, "\ufeff[]", `[,]`, `[{"type":"a.b.c","x":"` + strings.Repeat(`\\`, 9) + `"}]`,
	} {
		f.Add([]byte(doc))
	}
	limits := bridge.Limits{MaxEvent: 1 << 20, MaxEvents: 1000}
	f.Fuzz(func(t *testing.T, doc []byte) {
		before := bytes.Clone(doc)
		events, err := bridge.Unpack(doc, limits)
		if !bytes.Equal(doc, before) {
			t.Fatal("the document was changed")
		}
		valid := json.Valid(doc)
		if err != nil {
			if valid && !refusable(doc, limits) {
				t.Fatalf("refused without a cause: %v", err)
			}
			return
		}
		if !valid || !utf8.Valid(doc) {
			t.Fatal("taken, although it is not JSON in UTF-8")
		}
		want := elements(t, doc)
		if len(events) != len(want) {
			t.Fatalf("%d events; want %d", len(events), len(want))
		}
		for i, e := range events {
			if e.Index != i || !bytes.Equal(e.Raw, want[i]) {
				t.Fatalf("element %d is %q; want %q", i, e.Raw, want[i])
			}
			if got := typeOf(e.Raw); e.Type != "" && string(e.Type) != got {
				t.Fatalf("element %d has type %q; want %q", i, e.Type, got)
			}
		}
	})
}

// elements are the document's elements by encoding/json.
func elements(t *testing.T, doc []byte) []json.RawMessage {
	t.Helper()
	doc = bytes.Trim(doc, " \t\r\n")
	if doc[0] == '{' {
		return []json.RawMessage{doc}
	}
	var all []json.RawMessage
	if err := json.Unmarshal(doc, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// typeOf is the element's member "type" by encoding/json; a map, unlike a struct, folds no case.
func typeOf(raw []byte) string {
	var members map[string]any
	if json.Unmarshal(raw, &members) != nil {
		return ""
	}
	s, _ := members["type"].(string)
	return s
}

// refusable tells whether doc, which is valid JSON by encoding/json, breaks a rule that encoding/json does not know.
func refusable(doc []byte, limits bridge.Limits) bool {
	trimmed := bytes.Trim(doc, " \t\r\n")
	if trimmed[0] != '[' && trimmed[0] != '{' || !utf8.Valid(doc) || bytes.Contains(bytes.ToLower(doc), []byte(`\ud`)) {
		return true // not an array or an object, or possibly half a surrogate pair
	}
	decoder := json.NewDecoder(bytes.NewReader(doc))
	decoder.UseNumber()
	depth, elements := 0, 0
	names := []map[string]bool{nil}
	isName := []bool{false}
	for {
		token, err := decoder.Token()
		if err != nil {
			return elements > limits.MaxEvents || len(doc) > limits.MaxEvent
		}
		top := len(names) - 1
		delim, isDelim := token.(json.Delim)
		if isDelim && (delim == '}' || delim == ']') {
			names, isName, depth = names[:top], isName[:top], depth-1
			continue
		}
		if depth == 1 {
			elements++
		}
		if names[top] != nil {
			if isName[top] {
				s := token.(string) //nolint:forcetypeassert // a name is a string
				if names[top][s] {
					return true
				}
				names[top][s] = true
				isName[top] = false
				continue
			}
			isName[top] = true
		}
		if isDelim {
			depth++
			if depth > bridge.MaxDepth {
				return true
			}
			var seen map[string]bool
			if delim == '{' {
				seen = map[string]bool{}
			}
			names, isName = append(names, seen), append(isName, delim == '{')
		}
	}
}

func TestTheOracleOfTheFuzzTestKnowsTheRules(t *testing.T) {
	t.Parallel()
	limits := bridge.Limits{MaxEvent: 1 << 20, MaxEvents: 1000}
	got := map[string]bool{}
	for _, doc := range []string{`[]`, `[{"a":1,"a":2}]`, `[{"a":{"a":1},"b":{"a":1}}]`, strings.Repeat("[", 65) + strings.Repeat("]", 65)} {
		got[doc] = refusable([]byte(doc), limits)
	}
	want := map[string]bool{`[]`: false, `[{"a":1,"a":2}]`: true, `[{"a":{"a":1},"b":{"a":1}}]`: false,
		strings.Repeat("[", 65) + strings.Repeat("]", 65): true}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v; want %v", got, want)
	}
}
