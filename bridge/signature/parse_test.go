package signature_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"hrbridge/bridge/signature"
)

// document encodes to base64 with padding and with both characters that the two alphabets write differently.
var document = []byte(`[{"type":"profile.parsing.success","message":"~~~??? Ada Example"}]`)

func TestParseTellsTheShapeByTheValueItself(t *testing.T) {
	t.Parallel()
	rawMac, hexMac := mac("secret", document), []byte(hexOf(mac("secret", document)))
	std, url := base64.StdEncoding, base64.URLEncoding
	bareStd, bareURL := base64.RawStdEncoding, base64.RawURLEncoding
	for name, row := range map[string]struct {
		value   string
		carries bool
	}{
		"standard alphabet, padded":          {std.EncodeToString(rawMac) + "." + std.EncodeToString(document), true},
		"standard alphabet, bare":            {bareStd.EncodeToString(rawMac) + "." + bareStd.EncodeToString(document), true},
		"URL alphabet, padded":               {url.EncodeToString(rawMac) + "." + url.EncodeToString(document), true},
		"URL alphabet, bare":                 {bareURL.EncodeToString(rawMac) + "." + bareURL.EncodeToString(document), true},
		"an alphabet and padding for a part": {bareURL.EncodeToString(rawMac) + "." + std.EncodeToString(document), true},
		"a mac in hex in base64, padded":     {std.EncodeToString(hexMac) + "." + std.EncodeToString(document), true},
		"a mac in hex in base64, bare":       {bareStd.EncodeToString(hexMac) + "." + std.EncodeToString(document), true},
		"a mac in upper-case hex in base64":  {std.EncodeToString(upper(hexMac)) + "." + std.EncodeToString(document), true},
		"a payload of one byte":              {std.EncodeToString(rawMac) + ".MQ", true},
		"lower-case hex":                     {string(hexMac), false},
		"upper-case hex":                     {string(upper(hexMac)), false},
		"hex of both cases":                  {string(upper(hexMac[:32])) + string(hexMac[32:]), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := signature.Parse(row.value)
			if err != nil || s.CarriesPayload() != row.carries {
				t.Errorf("Parse: carries a payload %v, error %v; want %v, nil", s.CarriesPayload(), err, row.carries)
			}
		})
	}
}

func TestParseRefusesWhatIsInNoForm(t *testing.T) {
	t.Parallel()
	hexMac := hexOf(mac("secret", document))
	part := base64.StdEncoding.EncodeToString(mac("secret", document)) // 43 characters and one "="
	bare := strings.TrimRight(part, "=")
	for name, value := range map[string]string{
		"nothing":                                 "",
		"a dot alone":                             ".",
		"two dots":                                part + "." + "MTIz" + "." + "MTIz",
		"two dots side by side":                   part + ".." + "MTIz",
		"a dot at the end":                        part + ".MTIz.",
		"an empty mac":                            ".MTIz",
		"an empty payload":                        part + ".",
		"padding for a payload":                   part + ".====",
		"hex of an odd length":                    hexMac[1:],
		"hex too short":                           hexMac[2:],
		"hex too long":                            hexMac + "00",
		"a character that is not hex":             "g" + hexMac[1:],
		"white space before hex":                  " " + hexMac,
		"a line end behind hex":                   hexMac + "\n",
		"white space instead of hex":              " " + hexMac[1:],
		"a raw mac in base64 without a payload":   part,
		"a hex mac outside base64 with a payload": hexMac + ".MTIz",
		"a mac one byte short":                    base64.StdEncoding.EncodeToString(make([]byte, 31)) + ".MTIz",
		"a mac one byte long":                     base64.StdEncoding.EncodeToString(make([]byte, 33)) + ".MTIz",
		"a mac as long as hex but not hex":        base64.StdEncoding.EncodeToString(make([]byte, 64)) + ".MTIz",
		"a mac as long as padding would allow":    base64.StdEncoding.EncodeToString(make([]byte, 66)) + ".MTIz",
		"a mac of a megabyte":                     strings.Repeat("A", 1<<20) + ".MTIz",
		"a mac with trailing bits":                bare[:42] + "B." + "MTIz",
		"a mac with a line end":                   part[:10] + "\n" + part[10:] + ".MTIz",
		"a mac with too much padding":             part + "=.MTIz",
		"both alphabets in a payload":             part + ".-_+/",
		"both alphabets in a payload, padded":     part + ".-_+/MQ==",
		"trailing bits":                           part + ".MR",
		"trailing bits before padding":            part + ".MR==",
		"trailing bits in the URL alphabet":       part + ".-R",
		"trailing bits in the URL alphabet, =":    part + ".-R==",
		"a length that base64 has not":            part + ".MTIzM",
		"one of two characters of padding":        part + ".MQ=",
		"one character of padding too many":       part + ".MTI==",
		"padding where none belongs":              part + ".MTIz=",
		"padding in the middle":                   part + ".MQ==MTIz",
		"a payload behind padding":                part + ".MQ==MQ==",
		"white space in the payload":              part + ".MT Iz",
		"a line end in the payload":               part + ".MT\nIz",
		"a carriage return in the payload":        part + ".MT\rIz",
		"a line end behind the payload":           part + ".MTIz\n",
		"a line end for a payload":                part + ".\n",
		"white space around the dot":              part + " . MTIz",
		"a tab before the value":                  "\t" + part + ".MTIz",
		"a NUL in the payload":                    part + ".MT\x00z",
		"a letter beyond ASCII in the payload":    part + ".MTIé",
		"percent signs of a URL":                  part + ".MQ%3D%3D",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := signature.Parse(value)
			if !errors.Is(err, signature.ErrMalformed) {
				t.Errorf("Parse: error %v, want ErrMalformed", err)
			}
		})
	}
}
