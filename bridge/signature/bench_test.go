package signature_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"hrbridge/bridge/signature"
)

// BenchmarkVerify is what a delivery costs from the header's value to the match, all forms switched on.
func BenchmarkVerify(b *testing.B) {
	for _, size := range []int{1 << 10, 160 << 10} {
		event := `{"type": "profile.parsing.success", "profile": {"key": "k1", "text": "` + strings.Repeat("text ", 100) + `"}}, `
		doc := []byte("[" + strings.Repeat(event, size/len(event)) + event[:len(event)-2] + "]")
		for _, form := range signature.Forms() {
			for secrets := 1; secrets <= 2; secrets++ {
				b.Run(fmt.Sprintf("form=%s/size=%d/secrets=%d", form, size, secrets), func(b *testing.B) {
					v := verifier(b, signature.Forms(), []string{"secret", "next"}[:secrets]...)
					value := vector(form, "secret", doc, base64.StdEncoding)
					body := bodyOf(form, doc)
					b.SetBytes(int64(len(doc)))
					b.ReportAllocs()
					for b.Loop() {
						s, err := signature.Parse(value)
						if err != nil {
							b.Fatal(err)
						}
						if _, err := v.Verify(s, body); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

// BenchmarkVerifyMismatch is what a stranger can make the bridge spend: a body that is all white space and short tokens.
func BenchmarkVerifyMismatch(b *testing.B) {
	v := verifier(b, signature.Forms(), "secret")
	body := append([]byte("["), bytes.Repeat([]byte("1 , "), 40<<10)...)
	s := parse(b, hexOf(mac("another", body)))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(s, body); err == nil {
			b.Fatal("verified")
		}
	}
}
