package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

var (
	errSize     = errors.New("is not a size")
	errDuration = errors.New("is not a duration")
)

// unit is one way to write a size.
type unit struct {
	suffix string
	bytes  int64
}

// units are all ways to write a size, the ones that formatSize uses first and the largest of them first. K, M and G alone
// are not among them: half of the world reads them as powers of ten.
func units() []unit {
	return []unit{
		{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
		{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"KB", 1e3},
		{"B", 1}, {"", 1},
	}
}

// parseSize reads a whole number of bytes with or without a unit.
func parseSize(s string) (int64, error) {
	for _, u := range units() {
		digits, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		if u.suffix != "" {
			digits = strings.TrimSuffix(digits, " ")
		}
		n, err := strconv.ParseUint(digits, 10, 63)
		switch {
		case errors.Is(err, strconv.ErrRange):
			return 0, errRange
		case err != nil:
			return 0, errSize
		case int64(n) > math.MaxInt64/u.bytes:
			return 0, errRange
		}
		return int64(n) * u.bytes, nil
	}
	return 0, errSize
}

// formatSize writes n with the largest binary unit that divides it.
func formatSize(n int64) string {
	for _, u := range units() {
		if n != 0 && u.bytes&(u.bytes-1) == 0 && n%u.bytes == 0 {
			if u.bytes == 1 {
				break
			}
			return strconv.FormatInt(n/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatInt(n, 10)
}

const day = 24 * time.Hour

// parseDuration reads what time.ParseDuration does, and whole days such as 7d.
func parseDuration(s string) (time.Duration, error) {
	if digits, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseInt(digits, 10, 32)
		switch {
		case errors.Is(err, strconv.ErrRange) || n > int64(math.MaxInt64/day):
			return 0, errRange
		case err != nil:
			return 0, errDuration
		}
		return time.Duration(n) * day, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, errDuration
	}
	return d, nil
}

// formatDuration writes d as people do: 7d, 2m, 1m30s.
func formatDuration(d time.Duration) string {
	if d != 0 && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
