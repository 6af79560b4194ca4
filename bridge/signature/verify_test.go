package signature_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"hrbridge/bridge/signature"
)

func verifier(t testing.TB, forms []signature.Form, secrets ...string) *signature.Verifier {
	t.Helper()
	v, err := signature.NewVerifier(bytesOf(secrets), forms)
	if err != nil {
		t.Fatalf("NewVerifier: %v", err)
	}
	return v
}

func bytesOf(secrets []string) [][]byte {
	var all [][]byte
	for _, secret := range secrets {
		all = append(all, []byte(secret))
	}
	return all
}

func parse(t testing.TB, value string) signature.Signature {
	t.Helper()
	s, err := signature.Parse(value)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return s
}

func wantMatch(t *testing.T, v *signature.Verifier, value string, body []byte, want signature.Match) {
	t.Helper()
	got, err := v.Verify(parse(t, value), body)
	if err != nil {
		t.Fatalf("Verify: %v", err)
	}
	if got.Form != want.Form || got.Secret != want.Secret || !bytes.Equal(got.Signed, want.Signed) {
		t.Errorf("Verify: %s, secret %d, signed %q; want %s, secret %d, signed %q",
			got.Form, got.Secret, got.Signed, want.Form, want.Secret, want.Signed)
	}
}

func wantError(t *testing.T, v *signature.Verifier, value string, body []byte, want error) {
	t.Helper()
	got, err := v.Verify(parse(t, value), body)
	if !errors.Is(err, want) || got.Form != "" || got.Signed != nil {
		t.Errorf("Verify: match %+v, error %v; want none, %v", got, err, want)
	}
}

// bodyOf is what a sender of the form puts in the body: nothing where the header carries the document.
func bodyOf(form signature.Form, document []byte) []byte {
	if form == signature.BodyHex || form == signature.BodyCompactHex {
		return document
	}
	return nil
}

var spacedDocument = []byte("[ {\"type\": \"job.parsing.error\",\n\t\"message\": \"a \\\" b : , \\\\\"} ]\r\n")

func TestEveryFormVerifiesInEveryEncoding(t *testing.T) {
	t.Parallel()
	v := verifier(t, signature.Forms(), "secret")
	for _, form := range signature.Forms() {
		for name, encoding := range map[string]*base64.Encoding{
			"standard": base64.StdEncoding, "standard without padding": base64.RawStdEncoding,
			"URL": base64.URLEncoding, "URL without padding": base64.RawURLEncoding,
		} {
			t.Run(fmt.Sprintf("%s in %s", form, name), func(t *testing.T) {
				t.Parallel()
				doc, signed := document, document
				if form == signature.BodyCompactHex {
					doc, signed = spacedDocument, referenceCompact(spacedDocument)
				}
				value := vector(form, "secret", doc, encoding)
				wantMatch(t, v, value, bodyOf(form, doc), signature.Match{Form: form, Signed: signed})
				wantError(t, v, vector(form, "another", doc, encoding), bodyOf(form, doc), signature.ErrMismatch)
			})
		}
	}
}

func TestTheVectorOfTheDocumentationVerifies(t *testing.T) {
	t.Parallel()
	const value = "9d101d2bf630748679226b767d2031634c520390ff0e926afc09bc65a05bfdb2"
	v := verifier(t, signature.Forms(), "1234")
	wantMatch(t, v, value, []byte("4567"), signature.Match{Form: signature.BodyHex, Signed: []byte("4567")})
	wantMatch(t, v, strings.ToUpper(value), []byte("4567"), signature.Match{Form: signature.BodyHex, Signed: []byte("4567")})
	wantError(t, v, value, []byte("4568"), signature.ErrMismatch)
	wantError(t, v, "8"+value[1:], []byte("4567"), signature.ErrMismatch)
	wantError(t, v, value[:63]+"3", []byte("4567"), signature.ErrMismatch)
}

func TestHexIsTakenInEitherCase(t *testing.T) {
	t.Parallel()
	v := verifier(t, signature.Forms(), "secret")
	sum := hexOf(mac("secret", document))
	payload := base64.StdEncoding.EncodeToString(document)
	for _, written := range []string{sum, strings.ToUpper(sum), strings.ToUpper(sum[:31]) + sum[31:]} {
		wantMatch(t, v, written, document, signature.Match{Form: signature.BodyHex, Signed: document})
		wrapped := base64.StdEncoding.EncodeToString([]byte(written)) + "." + payload
		wantMatch(t, v, wrapped, nil, signature.Match{Form: signature.SignedPayloadHex, Signed: document})
	}
}

func TestTheMatchNamesTheSecretByItsPosition(t *testing.T) {
	t.Parallel()
	secrets := []string{"old", "current", "next", "current"}
	v := verifier(t, signature.Forms(), secrets...)
	for _, form := range signature.Forms() {
		for want, secret := range secrets[:3] {
			t.Run(fmt.Sprintf("%s by secret %d", form, want), func(t *testing.T) {
				t.Parallel()
				value := vector(form, secret, spacedDocument, base64.StdEncoding)
				signed := spacedDocument
				if form == signature.BodyCompactHex {
					signed = referenceCompact(spacedDocument)
				}
				wantMatch(t, v, value, bodyOf(form, spacedDocument), signature.Match{Form: form, Secret: want, Signed: signed})
			})
		}
	}
}

func TestASecretThatWasRotatedOutIsRefused(t *testing.T) {
	t.Parallel()
	value := vector(signature.BodyHex, "old", document, base64.StdEncoding)
	wantMatch(t, verifier(t, signature.Forms(), "new", "old"), value, document,
		signature.Match{Form: signature.BodyHex, Secret: 1, Signed: document})
	wantError(t, verifier(t, signature.Forms(), "new"), value, document, signature.ErrMismatch)
}

func TestAFormThatIsSwitchedOffIsRefused(t *testing.T) {
	t.Parallel()
	for _, off := range signature.Forms() {
		t.Run(string(off), func(t *testing.T) {
			t.Parallel()
			others := slices.DeleteFunc(signature.Forms(), func(f signature.Form) bool { return f == off })
			want := signature.ErrMismatch // the value could still be of a form that is on
			if off == signature.SignedPayloadHex {
				want = signature.ErrFormOff
			}
			value := vector(off, "secret", spacedDocument, base64.StdEncoding)
			wantError(t, verifier(t, others, "secret"), value, bodyOf(off, spacedDocument), want)
		})
	}
}

func TestAValueWhoseFormsAreAllOffSaysSo(t *testing.T) {
	t.Parallel()
	payload := []signature.Form{signature.SignedPayloadEncoded, signature.SignedPayload, signature.SignedPayloadHex}
	body := []signature.Form{signature.BodyHex, signature.BodyCompactHex}
	for _, form := range payload {
		wantError(t, verifier(t, body, "secret"), vector(form, "secret", document, base64.StdEncoding), document, signature.ErrFormOff)
	}
	for _, form := range body {
		wantError(t, verifier(t, payload, "secret"), vector(form, "secret", document, base64.StdEncoding), document, signature.ErrFormOff)
	}
}

func TestABodyBesideAPayloadIsNotWhatIsSigned(t *testing.T) {
	t.Parallel()
	v := verifier(t, signature.Forms(), "secret")
	forged := []byte(`[{"type":"profile.parsing.success","message":"forged"}]`)
	for _, form := range []signature.Form{signature.SignedPayloadEncoded, signature.SignedPayload, signature.SignedPayloadHex} {
		value := vector(form, "secret", document, base64.StdEncoding)
		wantMatch(t, v, value, forged, signature.Match{Form: form, Signed: document})
		sum, _, _ := strings.Cut(value, ".")
		wantError(t, v, sum+"."+base64.StdEncoding.EncodeToString(forged), document, signature.ErrMismatch)
	}
}

func TestAnEncodedPayloadIsSignedInTheCharactersThatWereSent(t *testing.T) {
	t.Parallel()
	v := verifier(t, []signature.Form{signature.SignedPayloadEncoded}, "secret")
	value := vector(signature.SignedPayloadEncoded, "secret", document, base64.StdEncoding)
	wantError(t, v, strings.NewReplacer("+", "-", "/", "_").Replace(value), nil, signature.ErrMismatch)
	wantError(t, v, strings.TrimRight(value, "="), nil, signature.ErrMismatch)
}

func TestACompactedBodyLosesOnlyInsignificantWhiteSpace(t *testing.T) {
	t.Parallel()
	v := verifier(t, signature.Forms(), "secret")
	for name, row := range map[string]struct{ body, compact string }{
		"separators of a serialiser": {`[{"a": 1, "b": [1, 2]}]`, `[{"a":1,"b":[1,2]}]`},
		"indentation":                {"[\n\t{\r\n\t\t\"a\" : true\n\t}\n]\n", `[{"a":true}]`},
		"around the document":        {" \t{}\r\n", `{}`},
		"within strings stays":       {`[ " a \" b \\", "\\\" , " ]`, `[" a \" b \\","\\\" , "]`},
		"escapes stay":               {`[ "\u00e9\/\u003c<>&é\u2028` + "\u2028" + `" ]`, `["\u00e9\/\u003c<>&é\u2028` + "\u2028" + `"]`},
		"numbers and order stay":     {`{ "b": 1.0e+02, "a": -0, "b": 1 }`, `{"b":1.0e+02,"a":-0,"b":1}`},
		"of every kind":              {"[1 \n\r\t,2\n\r\t ,3\r\t \n,4\t \n\r]", `[1,2,3,4]`},
		"between two scalars stays":  {`[ 1 2, tru e, "a" "b", "c" 3 ]`, `[1 2,tru e,"a" "b","c" 3]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := []byte(row.body)
			value := hexOf(mac("secret", []byte(row.compact)))
			wantMatch(t, v, value, body, signature.Match{Form: signature.BodyCompactHex, Signed: []byte(row.compact)})
			if string(body) != row.body {
				t.Errorf("Verify changed the body to %q", body)
			}
		})
	}
}

func TestTheBodyAsItArrivedIsTriedBeforeItsCompactForm(t *testing.T) {
	t.Parallel()
	compact := referenceCompact(spacedDocument)
	only, both := []signature.Form{signature.BodyCompactHex}, signature.Forms()
	asArrived, asCompact := hexOf(mac("secret", spacedDocument)), hexOf(mac("secret", compact))
	wantMatch(t, verifier(t, both, "secret"), asArrived, spacedDocument,
		signature.Match{Form: signature.BodyHex, Signed: spacedDocument})
	wantMatch(t, verifier(t, both, "secret"), asCompact, compact, signature.Match{Form: signature.BodyHex, Signed: compact})
	wantMatch(t, verifier(t, only, "secret"), asCompact, compact, signature.Match{Form: signature.BodyCompactHex, Signed: compact})
	wantError(t, verifier(t, only, "secret"), asArrived, spacedDocument, signature.ErrMismatch)
}

func TestCompactionOfHostileBodiesTakesLinearTime(t *testing.T) {
	t.Parallel()
	v := verifier(t, signature.Forms(), "secret")
	const size = 2 << 20 // anything quadratic would outlast the test's time limit
	for name, body := range map[string][]byte{
		"quotes":         bytes.Repeat([]byte(`"`), size),
		"backslashes":    append([]byte(` "`), bytes.Repeat([]byte(`\`), size)...),
		"escaped quotes": append([]byte(` "`), bytes.Repeat([]byte(`\"`), size/2)...),
		"white space":    bytes.Repeat([]byte(" "), size),
		"short strings":  bytes.Repeat([]byte(`"" `), size/3),
		"lone scalars":   bytes.Repeat([]byte(`1 `), size/2),
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, v, hexOf(mac("another", body)), body, signature.ErrMismatch)
		})
	}
}

func TestAVerifierNeedsSecretsAndForms(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		secrets []string
		forms   []signature.Form
		want    string
	}{
		"no secret":       {nil, signature.Forms(), "no secret"},
		"an empty secret": {[]string{"hush", ""}, signature.Forms(), "secret 2 of 2 is empty"},
		"no form":         {[]string{"hush"}, nil, "no signature form"},
		"an unknown form": {[]string{"hush"}, []signature.Form{signature.BodyHex, "body-md5"}, `"body-md5"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := signature.NewVerifier(bytesOf(row.secrets), row.forms)
			if v != nil || err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "hush") {
				t.Errorf("NewVerifier: %v, %v; want an error with %q and without a secret", v, err, row.want)
			}
		})
	}
}

func TestAVerifierKeepsItsOwnCopyOfSecretsAndForms(t *testing.T) {
	t.Parallel()
	secret, forms := []byte("secret"), []signature.Form{signature.BodyHex}
	v, err := signature.NewVerifier([][]byte{secret}, forms)
	if err != nil {
		t.Fatalf("NewVerifier: %v", err)
	}
	clear(secret)
	forms[0] = signature.SignedPayload
	wantMatch(t, v, hexOf(mac("secret", document)), document, signature.Match{Form: signature.BodyHex, Signed: document})
}

func TestOneVerifierServesManyGoroutines(t *testing.T) {
	t.Parallel()
	v := verifier(t, signature.Forms(), "first", "second")
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 50 {
				doc := fmt.Appendf(nil, `[ {"worker": %d, "i": %d, "text": %q} ]`, worker, i, strings.Repeat("x", i*400))
				form := signature.Forms()[i%5]
				value := vector(form, []string{"first", "second"}[i%2], doc, base64.StdEncoding)
				s, err := signature.Parse(value)
				if err != nil {
					t.Errorf("Parse: %v", err)
					return
				}
				m, err := v.Verify(s, bodyOf(form, doc))
				if err != nil || m.Form != form || m.Secret != i%2 {
					t.Errorf("Verify: %s, secret %d, %v; want %s, secret %d", m.Form, m.Secret, err, form, i%2)
				}
				if _, err := v.Verify(s, []byte("other")); !s.CarriesPayload() && !errors.Is(err, signature.ErrMismatch) {
					t.Errorf("Verify of another body: %v, want ErrMismatch", err)
				}
			}
		})
	}
	wg.Wait()
}

func TestErrorsRepeatNothingOfWhatWasSent(t *testing.T) {
	t.Parallel()
	personal := []byte(`["Ada Example"]`)
	v := verifier(t, []signature.Form{signature.SignedPayload}, "hush")
	check := func(err error, value string) {
		for _, part := range append(strings.Split(value, "."), "Ada", "hush") {
			if err == nil || strings.Contains(err.Error(), part) {
				t.Errorf("error %v repeats a part of the value or is missing", err)
			}
		}
	}
	for _, form := range signature.Forms() {
		value := vector(form, "another", personal, base64.StdEncoding)
		_, err := v.Verify(parse(t, value), personal)
		check(err, value)
		_, err = signature.Parse(value + "!")
		check(err, value)
	}
}
