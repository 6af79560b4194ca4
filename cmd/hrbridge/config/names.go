package config

import (
	"maps"
	"slices"
	"strings"
)

// names are all names that settings go by, for looking up what a layer says.
type names struct {
	keys     map[string]Key    // by dotted name, those of the sources excepted
	env      map[string]string // dotted names by variable
	sections map[string]bool

	files, variables []string // all names in a file and in the environment, for suggestions
}

// what a dotted name can be.
type nameKind int

const (
	isUnknown nameKind = iota
	isBadSource
	isSection
	isKey
)

func newNames(keys []Key) *names {
	n := &names{keys: make(map[string]Key), env: make(map[string]string), sections: map[string]bool{"sources": true}}
	for _, k := range keys {
		n.keys[k.Name] = k
		n.env[k.Env] = k.Name
		n.files = append(n.files, k.Name)
		for i, c := range k.Name {
			if c == '.' {
				n.sections[k.Name[:i]] = true
			}
		}
	}
	for _, k := range newSource(DefaultSource).table() {
		n.env[k.Env] = k.Name
		n.files = append(n.files, k.Name)
	}
	delete(n.sections, "")
	n.files = slices.Sorted(slices.Values(slices.AppendSeq(n.files, maps.Keys(n.sections))))
	n.variables = slices.Sorted(maps.Keys(n.env))
	n.sections[""] = true // the whole file
	return n
}

// what tells what a dotted name is.
func (n *names) what(name string) nameKind {
	if n.sections[name] {
		return isSection
	}
	if _, ok := n.keys[name]; ok {
		return isKey
	}
	source, setting, deep := splitSource(name)
	switch {
	case source == "" && !strings.HasPrefix(name, sourcesPrefix):
		return isUnknown
	case !sourcePattern.MatchString(source):
		return isBadSource
	case !deep && setting == "":
		return isSection
	}
	if _, ok := n.key(name); ok {
		return isKey
	}
	return isUnknown
}

// like are the names that an unknown name in a file may have been meant to be.
func (n *names) like(name string) []string {
	source, _, ok := splitSource(name)
	if !ok {
		return n.files
	}
	var all []string
	for _, k := range newSource(source).table() {
		all = append(all, k.Name)
	}
	return all
}

// key is the row of a dotted name.
func (n *names) key(name string) (Key, bool) {
	if k, ok := n.keys[name]; ok {
		return k, true
	}
	source, _, _ := splitSource(name)
	for _, k := range newSource(source).table() {
		if k.Name == name {
			return k, true
		}
	}
	return Key{}, false
}

// fromEnv is the dotted name that a variable sets.
func (n *names) fromEnv(variable string) (string, bool) {
	if k, ok := n.env[variable]; ok {
		return k, true
	}
	return sourceFromEnv(variable)
}
