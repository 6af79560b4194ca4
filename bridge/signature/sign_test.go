package signature_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"hrbridge/bridge/signature"
)

func TestSignWritesWhatTheWireDocumentSays(t *testing.T) {
	t.Parallel()
	for _, form := range signature.Forms() {
		for _, doc := range [][]byte{document, spacedDocument} {
			got, err := signature.Sign(form, []byte("secret"), doc)
			if want := vector(form, "secret", doc, base64.URLEncoding); err != nil || got != want {
				t.Errorf("Sign in %s: %q, %v; want %q", form, got, err, want)
			}
		}
	}
}

func TestWhatSignMadeVerifies(t *testing.T) {
	t.Parallel()
	v := verifier(t, signature.Forms(), "other", "secret")
	for _, form := range signature.Forms() {
		for size := range 70 {
			doc := []byte("[ \"" + strings.Repeat("x", size) + "\" ]")
			value, err := signature.Sign(form, []byte("secret"), doc)
			if err != nil {
				t.Fatalf("Sign in %s: %v", form, err)
			}
			signed := doc
			if form == signature.BodyCompactHex {
				signed = referenceCompact(doc)
			}
			wantMatch(t, v, value, bodyOf(form, doc), signature.Match{Form: form, Secret: 1, Signed: signed})
		}
	}
}

func TestSignRefusesWhatNobodyCouldVerify(t *testing.T) {
	t.Parallel()
	for _, form := range signature.Forms() {
		if _, err := signature.Sign(form, nil, document); err == nil {
			t.Errorf("Sign in %s with an empty secret: no error", form)
		}
		_, err := signature.Sign(form, []byte("secret"), nil)
		if carries := bodyOf(form, document) == nil; carries != (err != nil) {
			t.Errorf("Sign in %s of an empty document: error %v", form, err)
		}
	}
	if _, err := signature.Sign("body-md5", []byte("secret"), document); err == nil || !strings.Contains(err.Error(), "body-md5") {
		t.Errorf("Sign in an unknown form: error %v, want one that names it", err)
	}
}

func ExampleSign() {
	value, _ := signature.Sign(signature.BodyHex, []byte("1234"), []byte("4567"))
	fmt.Println(value)
	// Output: 9d101d2bf630748679226b767d2031634c520390ff0e926afc09bc65a05bfdb2
}

func ExampleVerifier_Verify() {
	v, err := signature.NewVerifier([][]byte{[]byte("next"), []byte("1234")}, signature.Forms())
	if err != nil {
		panic(err)
	}
	s, err := signature.Parse("9d101d2bf630748679226b767d2031634c520390ff0e926afc09bc65a05bfdb2")
	if err != nil {
		panic(err)
	}
	match, err := v.Verify(s, []byte("4567"))
	fmt.Printf("%s %d %q %v\n", match.Form, match.Secret, match.Signed, err)
	// Output: body-hex 1 "4567" <nil>
}
