package ingress // these read what comes from outside, and are nobody else's business

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

func FuzzContentTypesAreJSONInUTF8(f *testing.F) {
	for _, seed := range []string{
		"application/json", "application/json; charset=utf-8", `application/json;charset="UTF-8"`, "application/json; charset=latin1",
		"application/jsonx", "text/json", "", ";", "application/json;charset", "application/json; a=b; charset=utf8", "\x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, contentType string) {
		if !isJSON(contentType) {
			return
		}
		media, params, err := mime.ParseMediaType(contentType)
		if err != nil || !strings.EqualFold(media, "application/json") {
			t.Errorf("%q is taken: %q, %v", contentType, media, err)
		}
		if charset, ok := params["charset"]; ok && strings.ReplaceAll(strings.ToLower(charset), "-", "") != "utf8" {
			t.Errorf("%q is taken", contentType)
		}
	})
}

func FuzzTraceparentsAndRequestIDsAreSane(f *testing.F) {
	for _, seed := range []string{
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-00000000000000000000000000000000-b7ad6b7169203331-01", "", "a",
		"00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "A.z-0_9", strings.Repeat("-", 65), "a\n",
	} {
		f.Add(seed)
	}
	trace := regexp.MustCompile(`\A00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\z`)
	id := regexp.MustCompile(`\A[A-Za-z0-9._-]{1,64}\z`)
	f.Fuzz(func(t *testing.T, s string) {
		zero := len(s) == 55 && (strings.Trim(s[3:35], "0") == "" || strings.Trim(s[36:52], "0") == "")
		if got, want := validTraceparent(s), trace.MatchString(s) && !zero; got != want {
			t.Errorf("traceparent %q: %v", s, got)
		}
		if got, want := saneRequestID(s), id.MatchString(s); got != want {
			t.Errorf("request id %q: %v", s, got)
		}
		if got := requestID(http.Header{"X-Request-Id": {s}}); !id.MatchString(got) {
			t.Errorf("request id %q became %q", s, got)
		}
	})
}

// encoding/json reads both into values, with numbers as they are written: equal values are the same document.
func FuzzTheSameDocument(f *testing.F) {
	for _, seed := range [][2]string{
		{`[1]`, `[ 1 ]`}, {`{"a":1,"b":[2]}`, `{"b":[2],"a":1}`}, {`"\u0061"`, `"a"`}, {`1`, `1.0`}, {`1e1`, `10`}, {`-0`, `0`},
		{`{"a":1,"a":1}`, `{"a":1}`}, {`[`, `[`}, {``, ``}, {`[] []`, `[]`}, {"\"\xff\"", "\"\ufffd\""}, {`"\/"`, `"/"`}, {`"\ud83d\ude00"`, `"😀"`},
		{`9007199254740993`, `9007199254740992`}, {`{"A":1}`, `{"a":1}`}, {`[1,2]`, `[2,1]`}, {`null`, ` null`},
	} {
		f.Add([]byte(seed[0]), []byte(seed[1]))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		same := sameDocument(a, bytes.Clone(b))
		if back := sameDocument(b, bytes.Clone(a)); back != same {
			t.Fatalf("%q and %q: %v one way, %v the other", a, b, same, back)
		}
		if bytes.Equal(a, b) {
			if !same {
				t.Fatalf("%q is not the same as itself", a)
			}
			return
		}
		va, okA := decode(a)
		vb, okB := decode(b)
		equal := okA && okB && reflect.DeepEqual(va, vb)
		if same && !equal {
			t.Errorf("%q and %q are taken for the same", a, b)
		}
		if equal && !same && strict(a) && strict(b) {
			t.Errorf("%q and %q are not taken for the same", a, b)
		}
	})
}

func decode(text []byte) (value any, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if decoder.Decode(&value) != nil {
		return nil, false
	}
	return value, json.Valid(text)
}

// strict tells whether encoding/json and a strict reader see the same in the text.
func strict(text []byte) bool {
	value := jsontext.Value(bytes.Clone(text))
	return utf8.Valid(text) && canonicalize(&value)
}
