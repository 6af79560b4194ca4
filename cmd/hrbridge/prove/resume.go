package prove

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// book is what a file of obligations holds.
type book struct {
	head   head
	ledger *ledger
	// torn is how many bytes at the end are of a frame that was being written when the machine or the program stopped.
	torn int64
}

// readBook reads a file of obligations. A torn end is no error: its delivery was not kept yet. Any other damage is one.
func readBook(name string) (*book, error) {
	f, err := os.Open(name) //nolint:gosec // who calls the program names the file
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(f, 1<<20)
	b := &book{ledger: newLedger()}
	line, err := r.ReadSlice('\n')
	if err != nil || json.Unmarshal(line, &b.head) != nil || b.head.Run == "" {
		return nil, errors.New("it is not a file of obligations, or its first line is cut off")
	}
	if b.head.Format != fileFormat {
		return nil, fmt.Errorf("its format is %d, and this version of hrbridge reads %d", b.head.Format, fileFormat)
	}
	at := int64(len(line))
	for at < info.Size() {
		n, err := b.frame(r, info.Size()-at)
		switch {
		case err != nil:
			return nil, fmt.Errorf("it is damaged at byte %d of %d: %w", at, info.Size(), err)
		case n == 0:
			b.torn = info.Size() - at
			return b, nil
		}
		at += n
	}
	return b, nil
}

// frame reads one frame and returns its length; 0 where it is torn. left is how much of the file is left.
func (b *book) frame(r *bufio.Reader, left int64) (int64, error) {
	var h [frameHead]byte
	if left < frameHead {
		return 0, nil
	}
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, err
	}
	length := int64(binary.BigEndian.Uint32(h[:]))
	switch {
	case length == 0: // a file system that had made room and not written there yet
		return 0, onlyZeros(r, h[:])
	case length > maxFrame || length < promise0 || (length-promise0)%promiseOne != 0:
		return 0, errors.New("a length that cannot be")
	case frameHead+length > left:
		return 0, nil
	}
	payload := make([]byte, length)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, err
	}
	if crc32.Checksum(payload, castagnoli) != binary.BigEndian.Uint32(h[4:]) {
		if frameHead+length == left {
			return 0, nil
		}
		return 0, errors.New("a checksum that does not match")
	}
	return frameHead + length, b.enter(payload)
}

// enter takes a frame's promise into the ledger.
func (b *book) enter(payload []byte) error {
	p := promise{first: binary.BigEndian.Uint32(payload), again: payload[4]&flagAgain != 0}
	for rest := payload[promise0:]; len(rest) > 0; rest = rest[promiseOne:] {
		topic := rest[8]
		if int(topic) >= len(b.head.Topics) {
			return errors.New("a topic that the head does not name")
		}
		p.prints, p.topics = append(p.prints, fingerprint(binary.BigEndian.Uint64(rest))), append(p.topics, topic)
	}
	if uint64(p.first)+uint64(len(p.prints)) > maxEvents {
		return errors.New("a number that no event has")
	}
	b.ledger.acknowledge(p)
	return nil
}

// onlyZeros is an error where anything but zeros follows.
func onlyZeros(r *bufio.Reader, read []byte) error {
	for _, c := range read {
		if c != 0 {
			return errors.New("a length of nothing")
		}
	}
	for {
		c, err := r.ReadByte()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if c != 0 {
			return errors.New("zeros, and something after them")
		}
	}
}
