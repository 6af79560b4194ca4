package publishertest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"hrbridge/bridge"
)

func storedWhenPublishReturns(t *testing.T, h Harness) {
	l := open(t, h)
	for range 3 {
		l.mustPublish(l.messages("a", 5))
		l.check()
	}
}

func noMessages(t *testing.T, h Harness) {
	l := open(t, h)
	l.mustPublish(nil)
	l.mustPublish([]bridge.Message{})
	l.check()
}

func anyBytes(t *testing.T, h Harness) {
	l := open(t, h)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	large := make([]byte, h.MaxMessage-bridge.HeaderAllowance)
	chance := rand.New(rand.NewPCG(1, 2))
	for i := range large {
		large[i] = byte(chance.Uint32())
	}
	var msgs []bridge.Message
	for _, value := range [][]byte{every, {0}, {'\n'}, []byte("{}"), []byte("\r\n\r\n"), large} {
		msgs = append(msgs, l.message("bytes", value))
	}
	l.mustPublish(msgs)
	l.check()
}

func attributes(t *testing.T, h Harness) {
	l := open(t, h)
	var msgs []bridge.Message
	for _, key := range []string{
		"", "a", "0", " padded ", "with/slash+plus%41", "Zoë Beispiel", "鍵", "two\r\nlines", "\x00\x7f", strings.Repeat("k", bridge.MaxKeyLength),
	} {
		msgs = append(msgs, l.message(key, []byte("{}")))
	}
	letter := l.message("letter", []byte("[1,2]"))
	letter.Type = bridge.DeadLetterType
	letter.Headers = []bridge.Header{
		{Name: bridge.HeaderReason, Value: string(bridge.ReasonBadType)},
		{Name: bridge.HeaderType, Value: "Profile.Parsing!"},
		{Name: bridge.HeaderTraceparent, Value: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
	}
	l.note(letter, 0)
	l.mustPublish(append(msgs, letter))
	l.check()
}

func topics(t *testing.T, h Harness) {
	l := open(t, h)
	var msgs []bridge.Message
	for i := range 40 {
		m := l.message(fmt.Sprint("key ", i%3), []byte("{}"))
		m.Topic = Topics()[i%len(Topics())]
		m.Type = m.Topic
		l.note(m, 0)
		msgs = append(msgs, m)
	}
	l.mustPublish(msgs)
	l.check()
	for _, m := range h.ReadAll(t, Topics()[1]) {
		if m.Topic != Topics()[1] {
			t.Errorf("reading %s gave a message of %s", Topics()[1], m.Topic)
		}
	}
}

func tenThousand(t *testing.T, h Harness) {
	l := open(t, h)
	l.mustPublish(l.messages("many", 10_000))
	l.check()
}
