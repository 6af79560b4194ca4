package bridge_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"hrbridge/bridge"
)

// document is an array of n events of about size bytes each, shaped like a parsed CV.
func document(n, size int) []byte {
	var b bytes.Buffer
	b.WriteByte('[')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		start := b.Len()
		fmt.Fprintf(&b, `{"type":"profile.parsing.success","origin":"api","message":"parsed","profile":{"key":"%040x","info":{"full_name":"Ada Example","email":"ada@example.org","location":{"text":"Example Town","lat":48.5,"lng":2.25}},"experiences":[`, i)
		for j := 0; b.Len()-start < size*2/3; j++ {
			if j > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"company":"Example %d","title":"Inventor","description":"Invented things that do not exist, for people who do not exist.","date_start":"2001-01-01T00:00:00","skills":[{"name":"go","type":"hard","value":null}]}`, j)
		}
		b.WriteString(`],"text":"`)
		b.WriteString(strings.Repeat("x", max(size-(b.Len()-start)-3, 0)))
		b.WriteString(`"}}`)
	}
	b.WriteByte(']')
	return b.Bytes()
}

func BenchmarkUnpack(b *testing.B) {
	for _, n := range []int{1, 20} {
		for _, size := range []int{1 << 10, 8 << 10} {
			b.Run(fmt.Sprintf("%dx%dKiB", n, size>>10), func(b *testing.B) {
				doc := document(n, size)
				b.SetBytes(int64(len(doc)))
				b.ReportAllocs()
				for b.Loop() {
					events, err := bridge.Unpack(doc, bridge.DefaultLimits())
					if err != nil || len(events) != n {
						b.Fatal(len(events), err)
					}
				}
			})
		}
	}
}
