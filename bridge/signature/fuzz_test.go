package signature_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"testing"

	"hrbridge/bridge/signature"
)

func FuzzParse(f *testing.F) {
	sum := base64.StdEncoding.EncodeToString(mac("secret", document))
	hexSum := base64.RawURLEncoding.EncodeToString([]byte(hexOf(mac("secret", document))))
	for _, value := range []string{
		"", ".", "..", hexOf(mac("1234", []byte("4567"))), string(upper([]byte(hexOf(mac("1234", []byte("4567")))))),
		sum + ".MTIz", hexSum + ".MTIz", sum + ".", sum + ".MR==", sum + ".MQ=", sum + ".-_+/", sum + ".MT\r\nIz", sum + ".MQ==MQ==",
	} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		s, err := signature.Parse(value)
		_, payload, _, ok := referenceParse(value)
		if ok != (err == nil) || err != nil && !errors.Is(err, signature.ErrMalformed) {
			t.Fatalf("Parse of %q: error %v; the reference takes it: %v", value, err, ok)
		}
		if ok && s.CarriesPayload() != (payload != "") {
			t.Fatalf("Parse of %q: carries a payload %v; that of the reference is %q", value, s.CarriesPayload(), payload)
		}
	})
}

// FuzzVerify signs a document properly, damages the value and the body as the fuzzer likes, and compares.
func FuzzVerify(f *testing.F) {
	for form := range uint8(5) {
		f.Add(form, uint8(0), []byte(`[1]`), []byte(`[1]`), uint8(31), uint16(0), byte(0))
		f.Add(form, form+1, []byte(`[1, "a"]`), []byte(`[1, "a"] `), uint8(31), uint16(7), byte(1))
		f.Add(form, form+8, []byte(`[1,"a b"]`), []byte("[1\n,\t\"a b\"]"), uint8(1<<form), uint16(0), byte(0))
		f.Add(form, form+8, []byte(`1 2`), []byte(`1 2`), uint8(31^1<<form), uint16(3), byte(32))
	}
	encodings := []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding}
	secrets := []string{"first", "second", "third", "second"}
	known := verifiers(f, secrets[:3])
	f.Fuzz(func(t *testing.T, form, how uint8, document, body []byte, on uint8, at uint16, flip byte) {
		value := []byte(vector(signature.Forms()[form%5], secrets[how/4%4], document, encodings[how%4]))
		value[int(at)%len(value)] ^= flip
		on = max(1, on%32)
		forms := map[signature.Form]bool{}
		for i, form := range signature.Forms() {
			forms[form] = on>>i&1 == 1
		}
		want, ok := referenceVerify(string(value), body, secrets[:3], forms)
		before := bytes.Clone(body)
		s, err := signature.Parse(string(value))
		var got signature.Match
		if err == nil {
			got, err = known[on].Verify(s, body)
		}
		if ok != (err == nil) || got.Form != want.form || got.Secret != want.secret || string(got.Signed) != want.signed {
			t.Fatalf("value %q, body %q, forms %05b: %s, secret %d, signed %q, %v; the reference: %v %+v",
				value, body, on, got.Form, got.Secret, got.Signed, err, ok, want)
		}
		if !bytes.Equal(body, before) {
			t.Fatalf("Verify changed the body %q to %q", before, body)
		}
	})
}

// verifiers returns one for each set of forms, by the set's bits.
func verifiers(f *testing.F, secrets []string) []*signature.Verifier {
	all := make([]*signature.Verifier, 32)
	for on := 1; on < len(all); on++ {
		var forms []signature.Form
		for i, form := range signature.Forms() {
			if on>>i&1 == 1 {
				forms = append(forms, form)
			}
		}
		all[on] = verifier(f, forms, secrets...)
	}
	return all
}

// FuzzCompact holds that a body's compact form is that of encoding/json where the body is JSON, that it is JSON exactly
// where the body is, and that it is what the mac covers.
func FuzzCompact(f *testing.F) {
	for _, body := range []string{
		`[{"a": 1}]`, ` "\\\" \"" `, "[\"\u2028 <>&\\u003c\"]", `{"a" :1,"a": 2 }`, `1 2`, `"a" "b"`, `[tru e, 1 "a", "a" 1]`, `"open `, `"open\`, "\xff \xfe", "\ufeff [ ]", "  ", "",
		string(spacedDocument),
	} {
		f.Add([]byte(body))
	}
	v := verifier(f, []signature.Form{signature.BodyCompactHex}, "secret")
	f.Fuzz(func(t *testing.T, body []byte) {
		want := referenceCompact(body)
		if json.Valid(body) {
			var b bytes.Buffer
			if err := json.Compact(&b, body); err != nil || !bytes.Equal(b.Bytes(), want) {
				t.Fatalf("json.Compact of %q: %q, %v; the reference: %q", body, b.Bytes(), err, want)
			}
		}
		got, err := v.Verify(parse(t, hexOf(mac("secret", want))), body)
		if err != nil || !bytes.Equal(got.Signed, want) {
			t.Fatalf("Verify of %q: %q, %v; the reference: %q", body, got.Signed, err, want)
		}
		if json.Valid(got.Signed) != json.Valid(body) {
			t.Fatalf("%q is compacted to %q: of the two only one is JSON", body, got.Signed)
		}
		if again := referenceCompact(want); !bytes.Equal(again, want) {
			t.Fatalf("%q compacts to %q, and that to %q", body, want, again)
		}
	})
}
