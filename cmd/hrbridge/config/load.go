package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// LoadOptions say where a configuration comes from.
type LoadOptions struct {
	// File is the configuration file, which must exist. Where it is "", the flag --config names it; where that is not given
	// either, DefaultFile is read if there is one.
	File string
	// Environ is the environment, NAME=value each.
	Environ []string
	// Flags are the flags of a command that AddFlags was called for; nil is none.
	Flags *pflag.FlagSet
	// Dev lets a source stand without a secret: for serve --dev, which makes one (see [Config.WithSecret]), and for verbs that
	// take no deliveries.
	Dev bool
	// Prove adds the source ProveSource, with topics of its own, unless the configuration names it: for serve --dev.
	Prove bool
}

// Load lays file, environment and flags over the defaults, checks the whole and returns it with what is doubtful about it. An
// error is an [Error] and holds everything that is wrong.
func Load(o LoadOptions) (Config, []Warning, error) {
	s := defaults()
	l := &loader{
		settings: s, keys: s.table(), merged: koanf.New("."),
		bad: make(map[string]bool), declared: make(map[string]bool), read: make(map[string]string),
	}
	l.names = newNames(l.keys)
	l.readLayers(o)
	l.fillSources(o.Prove)
	for _, k := range l.keys {
		l.apply(k)
	}
	if !l.unread {
		l.check(o.Dev)
	}
	if len(l.problems) > 0 {
		return Config{}, l.warnings, Error(l.problems)
	}
	return newConfig(l), l.warnings, nil
}

// layer is what one place says: a setting for each dotted name.
type layer map[string]*setting

// setting is what one place says of one key. Its fields are exported for koanf, which copies what it holds.
type setting struct {
	Items  []string
	List   bool   // written as a list; otherwise Items is the one text
	Origin string // as in Problem
}

// loader gathers what the layers say, and everything that is wrong with it.
type loader struct {
	*settings
	names    *names
	keys     []Key // in the order of the documentation, the sources' included once they are known
	merged   *koanf.Koanf
	declared map[string]bool   // sources that a layer speaks of
	bad      map[string]bool   // keys that already have a problem of their own
	read     map[string]string // secrets that were read from files, and how to say so
	file     string            // the file that was looked for
	unread   bool              // it could not be read, so nothing is known of how settings go together

	problems []Problem
	warnings []Warning
}

func (l *loader) problem(p Problem) { l.problems = append(l.problems, p) }

// readLayers reads what lies over the defaults, the strongest last.
func (l *loader) readLayers(o LoadOptions) {
	file, named := o.File, true
	if file == "" && o.Flags != nil && o.Flags.Changed(fileFlag) {
		file = o.Flags.Lookup(fileFlag).Value.String()
	} else if file == "" {
		file, named = DefaultFile, false
	}
	l.file = file
	for _, layer := range []layer{l.readFile(file, named), l.readEnviron(o.Environ), l.readFlags(o.Flags)} {
		values := make(map[string]any, len(layer))
		for name, s := range layer {
			values[name] = s
		}
		if err := l.merged.Load(confmap.Provider(values, "."), nil); err != nil {
			l.problem(Problem{Key: "the configuration", Reason: "cannot be put together: " + err.Error()})
		}
	}
}

// fillSources makes the sources that were spoken of, or else the default one, and adds their keys to the table.
func (l *loader) fillSources(prove bool) {
	if len(l.declared) == 0 {
		l.declared[DefaultSource] = true
	}
	made := prove && !l.declared[ProveSource]
	if made {
		l.declared[ProveSource] = true
	}
	names := make([]string, 0, len(l.declared))
	for name := range l.declared {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		s := newSource(name)
		if made && name == ProveSource {
			s.topicPrefix = ProveSource + "."
		}
		l.sources = append(l.sources, s)
		l.keys = append(l.keys, s.table()...)
	}
}

// given is what the layers say of a key; nil where nobody speaks of it.
func (l *loader) given(name string) *setting {
	s, _ := l.merged.Get(name).(*setting)
	return s
}

// origin is where the value of a key came from, "" for a default.
func (l *loader) origin(name string) string {
	if s := l.given(name); s != nil {
		return s.Origin
	}
	return ""
}

// apply stores what is given for a key.
func (l *loader) apply(k Key) {
	s := l.given(k.Name)
	if s == nil {
		return
	}
	items, err := s.Items, error(nil)
	switch {
	case k.value.list && !s.List:
		items = splitList(s.Items[0])
	case !k.value.list && s.List:
		err = errors.New("is a list where a single value belongs")
	}
	if err == nil {
		err = k.value.set(items)
	}
	if err != nil {
		l.bad[k.Name] = true
		shown := k.show(strings.Join(s.Items, ","))
		l.problem(Problem{Key: k.Name, Origin: s.Origin, Value: shown, Reason: err.Error(), Remedy: "use " + k.Takes})
	}
}

// refuse reports that settings do not go together, at the first of the keys. It is silent where one of them has a problem of
// its own: what is compared would not be what was meant.
func (l *loader) refuse(reason, remedy string, keys ...string) {
	if slices.ContainsFunc(keys, func(k string) bool { return l.bad[k] }) {
		return
	}
	l.problem(l.about(keys[0], reason, remedy))
}

// warn is refuse for what works all the same.
func (l *loader) warn(reason, remedy string, keys ...string) {
	if slices.ContainsFunc(keys, func(k string) bool { return l.bad[k] }) {
		return
	}
	l.warnings = append(l.warnings, Warning(l.about(keys[0], reason, remedy)))
}

func (l *loader) about(name, reason, remedy string) Problem {
	p := Problem{Key: name, Origin: l.origin(name), Reason: reason, Remedy: remedy}
	for _, k := range l.keys {
		if k.Name == name {
			p.Value = strings.Join(k.shown(), ",")
		}
	}
	return p
}

// quoted is a value in the text of a problem.
func quoted(s string) string { return clip(fmt.Sprintf("%q", s)) }
