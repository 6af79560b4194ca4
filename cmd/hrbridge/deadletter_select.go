package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"hrbridge/bridge"
)

// selectFlags is what the command line says about which dead letters are meant.
type selectFlags struct {
	config  string
	reasons []string
	sources []string
	since   string
	until   string
}

func (f *selectFlags) add(flags *pflag.FlagSet) {
	flags.SortFlags = false
	flags.StringVar(&f.config, "config", "", "the configuration file (default hrbridge.yaml where one exists)")
	flags.StringSliceVar(&f.reasons, "reason", nil, "those with one of these reasons: "+reasonNames())
	flags.StringSliceVar(&f.sources, "source", nil, "those of these sources")
	flags.StringVar(&f.since, "since", "", "those stored at or after: a time such as 2026-01-31T08:00:00Z, or how long ago, such as 24h")
	flags.StringVar(&f.until, "until", "", "those stored before: in the same way")
}

// given tells whether the flags leave anything out.
func (f *selectFlags) given() bool {
	return len(f.reasons) > 0 || len(f.sources) > 0 || f.since != "" || f.until != ""
}

// selection says which dead letters are meant. The zero value is all of them.
type selection struct {
	ids, reasons, sources []string
	since, until          time.Time
}

func (f *selectFlags) selection(ids []string, now time.Time) (selection, error) {
	s := selection{ids: ids, reasons: f.reasons, sources: f.sources}
	for _, reason := range f.reasons {
		if !slices.Contains(bridge.Reasons(), bridge.Reason(reason)) {
			return s, fmt.Errorf("--reason %s is unknown: use %s", printable(reason), reasonNames())
		}
	}
	var err error
	if f.since != "" {
		if s.since, err = parseMoment("--since", f.since, now); err != nil {
			return s, err
		}
	}
	if f.until != "" {
		if s.until, err = parseMoment("--until", f.until, now); err != nil {
			return s, err
		}
		if !s.since.Before(s.until) {
			return s, errors.New("--until is not after --since: nothing can be between")
		}
	}
	return s, nil
}

// from is where to begin to read.
func (s selection) from() bridge.From {
	if s.since.IsZero() {
		return bridge.From{Start: true}
	}
	return bridge.From{Since: s.since}
}

// takes tells whether l is meant.
func (s selection) takes(l letter) bool {
	return among(s.ids, l.ID) && among(s.reasons, l.Reason) && among(s.sources, l.Source) &&
		!l.Stored.Before(s.since) && (s.until.IsZero() || l.Stored.Before(s.until))
}

// among tells whether name is one of names, of which none is any.
func among(names []string, name string) bool { return len(names) == 0 || slices.Contains(names, name) }

func reasonNames() string {
	var names []string
	for _, r := range bridge.Reasons() {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}

// parseMoment reads a time, or how long ago it is.
func parseMoment(flag, s string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(s); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return at, nil
	}
	return time.Time{}, fmt.Errorf("%s %s is neither a time such as 2026-01-31T08:00:00Z nor how long ago, such as 10m", flag, printable(s))
}
