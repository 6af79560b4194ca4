package config

import (
	"testing"
	"time"
)

// The units are tested from inside: through Load each of them would also meet the bounds of a key.

func TestSizesAreReadAndWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"0": 0, "1": 1, "7B": 7, "1024": 1 << 10, "16MiB": 16 << 20, "16 MiB": 16 << 20, "3GiB": 3 << 30, "2TiB": 2 << 40,
		"5kB": 5000, "5KB": 5000, "5MB": 5_000_000, "5GB": 5_000_000_000, "5TB": 5_000_000_000_000,
	} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "MiB", "16M", "16mib", "-1", "+1", "1.5MiB", "1e3", "0x10", " 1", "1 ", "1  KiB", "16MiBB", "1_000"} {
		if got, err := parseSize(text); err != errSize { //nolint:errorlint // the very value
			t.Errorf("%q: got %d, %v, want %v", text, got, err, errSize)
		}
	}
	for _, text := range []string{"9223372036854775808", "8388608TiB", "99999999999999999999KiB"} {
		if got, err := parseSize(text); err != errRange { //nolint:errorlint // the very value
			t.Errorf("%q: got %d, %v, want %v", text, got, err, errRange)
		}
	}
	for n, want := range map[int64]string{0: "0", 1: "1", 1000: "1000", 1024: "1KiB", 1020 << 10: "1020KiB", 1 << 20: "1MiB", 1<<20 + 1: "1048577", 5 << 40: "5TiB"} {
		if got := formatSize(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestDurationsAreReadAndWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"0": 0, "5s": 5 * time.Second, "1m30s": 90 * time.Second, "250ms": 250 * time.Millisecond, "7d": 7 * day, "168h": 7 * day, "-1s": -time.Second,
	} {
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("%q: got %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "5", "d", "1.5d", "1w", "five", "1d12h"} {
		if got, err := parseDuration(text); err != errDuration { //nolint:errorlint // the very value
			t.Errorf("%q: got %s, %v, want %v", text, got, err, errDuration)
		}
	}
	for _, text := range []string{"106752d", "99999999999d"} {
		if got, err := parseDuration(text); err != errRange { //nolint:errorlint // the very value
			t.Errorf("%q: got %s, %v, want %v", text, got, err, errRange)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", 90 * time.Second: "1m30s", 2 * time.Minute: "2m", time.Hour: "1h", 90 * time.Minute: "1h30m",
		10 * time.Second: "10s", 20 * time.Minute: "20m", day: "1d", 36 * time.Hour: "36h", time.Hour + time.Second: "1h0m1s", 100 * time.Millisecond: "100ms",
	} {
		if got := formatDuration(d); got != want {
			t.Errorf("%d: got %q, want %q", d, got, want)
		}
	}
}

func TestWhatIsWrittenIsReadAsTheSame(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{0, 1, 999, 1000, 1024, 1536, 1 << 20, 3<<30 + 1, 1<<62 + 1<<61} {
		if got, err := parseSize(formatSize(n)); err != nil || got != n {
			t.Errorf("%d became %d, %v", n, got, err)
		}
	}
	for _, d := range []time.Duration{0, 1, time.Second, 90 * time.Minute, 25 * time.Hour, 7 * day} {
		if got, err := parseDuration(formatDuration(d)); err != nil || got != d {
			t.Errorf("%s became %s, %v", d, got, err)
		}
	}
}
