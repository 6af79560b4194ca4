package bridge_test

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"hrbridge/bridge"
)

func TestUnpackSplitsADeliveryIntoItsEvents(t *testing.T) {
	t.Parallel()
	typed := func(index int, raw, eventType, key string) bridge.Event {
		return bridge.Event{Index: index, Raw: []byte(raw), Type: bridge.Type(eventType), Key: key}
	}
	dead := func(index int, raw string, reason bridge.Reason) bridge.Event {
		return bridge.Event{Index: index, Raw: []byte(raw), Reason: reason}
	}
	bad := func(raw, legible string) []bridge.Event {
		return []bridge.Event{{Raw: []byte(raw), Reason: bridge.ReasonBadType, LegibleType: legible}}
	}
	const (
		parsed  = `{"type":"profile.parsing.success","profile":{"key":"p1"}}`
		jobbed  = `{ "job" : {"name":"Inventor", "key":"j1"}, "type" : "job.parsing.error" }`
		staged  = `{"type":"action.stage.success","job":{"key":"j1"},"profile":{"key":"p1"},"stage":"hired"}`
		keyless = `{"type":"agent.training.success"}`
	)
	for name, row := range map[string]struct {
		doc  string
		want []bridge.Event
	}{
		"an empty array has none": {`[]`, []bridge.Event{}},
		"an array has its elements, in order": {"[" + parsed + "," + jobbed + "]",
			[]bridge.Event{typed(0, parsed, "profile.parsing.success", "p1"), typed(1, jobbed, "job.parsing.error", "j1")}},
		"a lone object is an array of one":          {parsed, []bridge.Event{typed(0, parsed, "profile.parsing.success", "p1")}},
		"white space around elements is not theirs": {" \r\n\t[ \n" + parsed + " \t,\n " + keyless + " ] \n", []bridge.Event{typed(0, parsed, "profile.parsing.success", "p1"), typed(1, keyless, "agent.training.success", "")}},
		"an action's key is its profile's":          {staged, []bridge.Event{typed(0, staged, "action.stage.success", "p1")}},
		"an escaped name is the same name": {`{"\u0074ype":"profile.parsing.success","pro\u0066ile":{"\u006bey":"p\u0031"}}`,
			[]bridge.Event{typed(0, `{"\u0074ype":"profile.parsing.success","pro\u0066ile":{"\u006bey":"p\u0031"}}`, "profile.parsing.success", "p1")}},
		"a name in another case is another name": {`{"Type":"a.b.c","TYPE":"a.b.c","type":"profile.parsing.success","Profile":{"key":"x"}}`,
			[]bridge.Event{typed(0, `{"Type":"a.b.c","TYPE":"a.b.c","type":"profile.parsing.success","Profile":{"key":"x"}}`, "profile.parsing.success", "")}},
		"a type further down is not the element's": {`{"profile":{"type":"job.parsing.success"}}`,
			[]bridge.Event{dead(0, `{"profile":{"type":"job.parsing.success"}}`, bridge.ReasonNoType)}},
		"a key that is no text is none": {`{"type":"profile.parsing.success","profile":{"key":7}}`,
			[]bridge.Event{typed(0, `{"type":"profile.parsing.success","profile":{"key":7}}`, "profile.parsing.success", "")}},
		"a profile that is no object has no key": {`{"type":"profile.parsing.success","profile":["key","x"]}`,
			[]bridge.Event{typed(0, `{"type":"profile.parsing.success","profile":["key","x"]}`, "profile.parsing.success", "")}},
		"a key deeper than the profile is not its": {`{"type":"profile.parsing.success","profile":{"source":{"key":"s"}}}`,
			[]bridge.Event{typed(0, `{"type":"profile.parsing.success","profile":{"source":{"key":"s"}}}`, "profile.parsing.success", "")}},
		"elements that are no objects are dead letters, the others go their way": {`[1,"two",null,true,[3],` + parsed + `,-1.5e+9]`, []bridge.Event{
			dead(0, `1`, bridge.ReasonNotObject), dead(1, `"two"`, bridge.ReasonNotObject), dead(2, `null`, bridge.ReasonNotObject),
			dead(3, `true`, bridge.ReasonNotObject), dead(4, `[3]`, bridge.ReasonNotObject),
			typed(5, parsed, "profile.parsing.success", "p1"), dead(6, `-1.5e+9`, bridge.ReasonNotObject)}},
		"no type":                                  {`{}`, []bridge.Event{dead(0, `{}`, bridge.ReasonNoType)}},
		"a type that is no text":                   {`{"type":["profile.parsing.success"]}`, []bridge.Event{dead(0, `{"type":["profile.parsing.success"]}`, bridge.ReasonNoType)}},
		"a type outside the grammar":               {`{"type":"Profile.Parsing"}`, bad(`{"type":"Profile.Parsing"}`, "Profile.Parsing")},
		"a type that is not fit for a header":      {`{"type":"Ada Example\r\nx: y"}`, bad(`{"type":"Ada Example\r\nx: y"}`, "")},
		"a wildcard is a type outside the grammar": {`{"type":"profile.*.>"}`, bad(`{"type":"profile.*.>"}`, "")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := bridge.Unpack([]byte(row.doc), bridge.DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestUnpackRefusesWhatIsNotStrictJSON(t *testing.T) {
	t.Parallel()
	nested := func(n int) string {
		return `[{"type":"profile.parsing.success","x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}]`
	}
	if _, err := bridge.Unpack([]byte(nested(bridge.MaxDepth-2)), bridge.DefaultLimits()); err != nil {
		t.Errorf("nested as deeply as may be: %v", err)
	}
	for name, doc := range map[string]string{
		"nothing":                        ``,
		"white space alone":              " \n",
		"a string":                       `"[]"`,
		"a number":                       `1`,
		"null":                           `null`,
		"a byte order mark":              "\ufeff[]",
		"an array that does not end":     `[{"type":"profile.parsing.success"}`,
		"an object that does not end":    `{"type":"profile.parsing.success"`,
		"a string that does not end":     `[{"type":"profile`,
		"a comma too many":               `[{},]`,
		"a comma too few":                `[{} {}]`,
		"something after it":             `[]x`,
		"a second text after it":         `[][]`,
		"a closing bracket after it":     `[]]`,
		"a closing brace for a bracket":  `[}`,
		"single quotation marks":         `[{'type':'profile.parsing.success'}]`,
		"a comment":                      `[/* none */]`,
		"not a number":                   `[NaN]`,
		"a number with a leading nought": `[01]`,
		"a control character in a text":  "[\"a\nb\"]",
		"a wrong escape":                 `["\x"]`,
		"invalid UTF-8":                  "[{\"type\":\"\xff\"}]",
		"half a surrogate pair":          `["\ud800"]`,
		"a name twice":                   `[{"type":"profile.parsing.success","type":"job.parsing.success"}]`,
		"a name twice, once escaped":     `[{"type":"profile.parsing.success","\u0074ype":"job.parsing.success"}]`,
		"a name twice further down":      `[{"profile":{"info":{"a":1,"a":2}}}]`,
		"a name twice in the profile":    `[{"profile":{"key":"a","key":"b"}}]`,
		"nested one too deep":            nested(bridge.MaxDepth - 1),
		"nested 200,000 deep":            strings.Repeat("[", 200_000),
		"200,000 objects deep":           strings.Repeat(`{"a":`, 200_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := bridge.Unpack([]byte(doc), bridge.DefaultLimits())
			if err == nil || bridge.KindOf(err) != bridge.KindInvalid {
				t.Errorf("%d events, %v; want an error of kind invalid", len(events), err)
			}
		})
	}
}

func TestUnpackErrorsHoldNothingOfWhatWasSent(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{
		`[{"full_name":"Ada Example","full_name":"Ada Example"}]`, `[{"x":Ada Example}]`, `["Ada Example` + "\n" + `"]`, `[]Ada Example`,
	} {
		_, err := bridge.Unpack([]byte(doc), bridge.DefaultLimits())
		if err == nil || strings.Contains(err.Error(), "Ada") || strings.Contains(err.Error(), "full_name") {
			t.Errorf("Unpack(%s): %v", doc, err)
		}
	}
}

func TestUnpackBoundsWhatADeliveryHolds(t *testing.T) {
	t.Parallel()
	limits := bridge.Limits{MaxEvent: 10, MaxEvents: 3}
	_, err := bridge.Unpack([]byte(`[{},{"a":"12345"},{}]`), limits)
	e := asError(t, err)
	if e.Kind != bridge.KindTooLarge || !cmp.Equal(e.Indexes, []int{1}) {
		t.Errorf("an event over the limit: kind %v, indexes %v; want too_large, [1]", e.Kind, e.Indexes)
	}
	if _, err := bridge.Unpack([]byte(`[{},{},{"a":"123"}]`), limits); err == nil {
		t.Error("an event of 11 bytes went through a limit of 10")
	}
	if events, err := bridge.Unpack([]byte(`[{},{},{"a":"12"}]`), limits); err != nil || len(events) != 3 {
		t.Errorf("as much as may be: %d events, %v", len(events), err)
	}
	if _, err := bridge.Unpack([]byte(`[{},{},{},{}]`), limits); bridge.KindOf(err) != bridge.KindInvalid {
		t.Errorf("more events than may be: %v; want kind invalid", err)
	}
}

func TestUnpackGivesNoKeyThatIsTooLongForAHeader(t *testing.T) {
	t.Parallel()
	event := func(n int) []byte {
		return fmt.Appendf(nil, `{"type":"profile.parsing.success","profile":{"key":"%s"}}`, strings.Repeat("k", n))
	}
	events, err := bridge.Unpack(event(bridge.MaxKeyLength), bridge.DefaultLimits())
	if err != nil || events[0].Reason != "" || len(events[0].Key) != bridge.MaxKeyLength {
		t.Errorf("the longest key: %+v, %v", events, err)
	}
	events, err = bridge.Unpack(event(bridge.MaxKeyLength+1), bridge.DefaultLimits())
	if err != nil || events[0].Reason != bridge.ReasonKeyTooLong || events[0].Key != "" {
		t.Errorf("a longer one: %+v, %v", events, err)
	}
}

func TestUnpackCopiesNothing(t *testing.T) {
	t.Parallel()
	doc := document(3, 1<<10)
	before := string(doc)
	events, err := bridge.Unpack(doc, bridge.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	end := uintptr(unsafe.Pointer(unsafe.SliceData(doc))) + uintptr(len(doc))
	for _, e := range events {
		at := uintptr(unsafe.Pointer(unsafe.SliceData(e.Raw)))
		if at < uintptr(unsafe.Pointer(unsafe.SliceData(doc))) || at+uintptr(len(e.Raw)) > end {
			t.Errorf("event %d is not a slice of the document", e.Index)
		}
		if cap(e.Raw) != len(e.Raw) {
			t.Errorf("event %d can grow into its neighbour", e.Index)
		}
	}
	if string(doc) != before {
		t.Error("the document was changed")
	}
}

func asError(t *testing.T, err error) *bridge.Error {
	t.Helper()
	e, ok := err.(*bridge.Error) //nolint:errorlint // the contract is the type itself
	if !ok {
		t.Fatalf("%v is no *bridge.Error", err)
	}
	return e
}
