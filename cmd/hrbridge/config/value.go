package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value binds a key to the field that it sets. It reads and writes text, because text is what all the layers have in common.
type value struct {
	// wants says what set accepts, in words that follow "use" and "takes".
	wants string
	// kind is the word for it that the flags' help shows.
	kind string
	// list tells that several items may be given; without it set gets exactly one.
	list bool
	// bare tells that the text never needs quotes in YAML.
	bare bool
	// set stores the items, or says what is wrong with them without repeating them.
	set func(items []string) error
	// get is what is stored now, as set would take it.
	get func() []string
	// show is an item as it may be printed; nil prints it as it is.
	show func(item string) string
}

// errors that several kinds of values share.
var (
	errRange = errors.New("is out of range")
	errEmpty = errors.New("is empty")
)

// scalar is a value of one item.
func scalar[T any](p *T, kind, wants string, parse func(string) (T, error), format func(T) string) value {
	return value{
		kind:  kind,
		wants: wants,
		set: func(items []string) error {
			v, err := parse(items[0])
			if err == nil {
				*p = v
			}
			return err
		},
		get: func() []string { return []string{format(*p)} },
	}
}

// bare is v without quotes in YAML.
func bare(v value) value {
	v.bare = true
	return v
}

func same(s string) string { return s }

// text is any text, the empty one included.
func text(p *string, wants string) value {
	return scalar(p, "text", wants, func(s string) (string, error) { return s, nil }, same)
}

// checked is text that check accepts.
func checked(p *string, kind, wants string, check func(string) error) value {
	return scalar(p, kind, wants, func(s string) (string, error) { return s, check(s) }, same)
}

// path is the name of a file or a folder, relative to the working directory; "" is none.
func path(p *string, wants string) value {
	v := text(p, wants)
	v.kind = "path"
	return v
}

// boolean is true or false.
func boolean(p *bool) value {
	return bare(scalar(p, "bool", "true or false", func(s string) (bool, error) {
		if s != "true" && s != "false" {
			return false, errors.New("is neither true nor false")
		}
		return s == "true", nil
	}, strconv.FormatBool))
}

// oneOf is one of the words.
func oneOf[T ~string](p *T, words ...T) value {
	var all []string
	for _, w := range words {
		all = append(all, string(w))
	}
	return scalar(p, "word", "one of "+strings.Join(all, ", "), func(s string) (T, error) {
		if !slices.Contains(all, s) {
			return "", errors.New("is not one of the choices")
		}
		return T(s), nil
	}, func(w T) string { return string(w) })
}

// integer is a whole number within bounds.
func integer[T ~int | ~int64](p *T, low, high T) value {
	wants := fmt.Sprintf("a whole number from %d to %d", low, high)
	return bare(scalar(p, "int", wants, func(s string) (T, error) {
		n, err := strconv.ParseInt(s, 10, 64)
		if errors.Is(err, strconv.ErrRange) {
			return 0, errRange
		}
		if err != nil {
			return 0, errors.New("is not a whole number")
		}
		return within(T(n), low, high)
	}, func(n T) string { return strconv.FormatInt(int64(n), 10) }))
}

// number is a number within bounds, with decimals or without.
func number(p *float64, low, high float64) value {
	format := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	wants := fmt.Sprintf("a number from %s to %s", format(low), format(high))
	return bare(scalar(p, "number", wants, func(s string) (float64, error) {
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || n != n {
			return 0, errors.New("is not a number")
		}
		return within(n, low, high)
	}, format))
}

// size is a number of bytes within bounds.
func size[T ~int | ~int64](p *T, low, high int64) value {
	wants := fmt.Sprintf("a size from %s to %s, such as 16MiB", formatSize(low), formatSize(high))
	return bare(scalar(p, "size", wants, func(s string) (T, error) {
		n, err := parseSize(s)
		if err != nil {
			return 0, err
		}
		n, err = within(n, low, high)
		return T(n), err
	}, func(n T) string { return formatSize(int64(n)) }))
}

// zeroMeans is v, whose bounds allow 0, saying what 0 stands for.
func zeroMeans(v value, meaning string) value {
	v.wants += ", 0 for " + meaning
	return v
}

// duration is a time within bounds.
func duration(p *time.Duration, low, high time.Duration) value {
	wants := fmt.Sprintf("a duration from %s to %s, such as 5s or 2m", formatDuration(low), formatDuration(high))
	return bare(scalar(p, "duration", wants, func(s string) (time.Duration, error) {
		d, err := parseDuration(s)
		if err != nil {
			return 0, err
		}
		return within(d, low, high)
	}, formatDuration))
}

func within[T cmp.Ordered](v, low, high T) (T, error) {
	if v < low || v > high {
		return v, errRange
	}
	return v, nil
}

// address is what a listener listens on. With optional "" means that there is none.
func address(p *string, optional bool) value {
	wants := "host:port, such as 127.0.0.1:8080, or :8080 for every interface"
	if optional {
		wants += `, or "" for none`
	}
	return scalar(p, "host:port", wants, func(s string) (string, error) {
		if s == "" && optional {
			return "", nil
		}
		_, port, err := net.SplitHostPort(s)
		if err != nil {
			return "", errors.New("is not host:port")
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n > 65535 {
			return "", errors.New("has no port from 0 to 65535")
		}
		return s, nil
	}, same)
}

// list is several items, each of which check accepts.
func list[T ~string](p *[]T, wants string, check func(item string) error) value {
	return value{
		kind:  "list",
		wants: wants,
		list:  true,
		set: func(items []string) error {
			var all []T
			for _, item := range items {
				if err := check(item); err != nil {
					return err
				}
				all = append(all, T(item))
			}
			*p = all
			return nil
		},
		get: func() []string {
			var all []string
			for _, item := range *p {
				all = append(all, string(item))
			}
			return all
		},
	}
}
