package config

import "strings"

// Key is one setting: a row of the table of keys.
type Key struct {
	// Name is the dotted name, as in a file: "admin.listen".
	Name string
	// Env is the variable of the environment that sets it, and Flag the flag, without dashes; "" is none: a secret has no flag,
	// because every process of a machine can read the flags of all others.
	Env, Flag string
	// Default is what holds when nobody sets it, as the environment would say it.
	Default string
	// Takes says which values are allowed.
	Takes string
	// Help says in a line what it does.
	Help string
	// Secret tells that the value is never printed.
	Secret bool

	value value
}

const (
	envPrefix = "HRBRIDGE_"
	masked    = "***"
)

// key is the row of an ordinary setting.
func key(name string, v value, help string) Key {
	k := Key{
		Name:  name,
		Env:   envPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(name)),
		Flag:  strings.NewReplacer(".", "-", "_", "-").Replace(name),
		Takes: v.wants,
		Help:  help,
		value: v,
	}
	k.Default = strings.Join(k.shown(), ",")
	return k
}

// named is a key that gives its whole section its meaning, and goes by its name: "spool: off" is short for its mode, and so are
// the variable and the flag.
func named(section string, k Key) Key {
	short := key(section, k.value, k.Help)
	k.Env, k.Flag = short.Env, short.Flag
	return k
}

// spoolSection is the section that may be written as a single value.
const spoolSection = "spool"

// shortFor is the key that a section stands for where it is written as a single value, "" for none.
func shortFor(section string) string {
	if section == spoolSection {
		return "spool.mode"
	}
	return ""
}

// secretKey is the row of a setting whose value must not be seen.
func secretKey(name string, v value, help string) Key {
	k := key(name, v, help)
	k.Flag, k.Default, k.Secret = "", "", true
	return k
}

// shown are the key's items now, as they may be printed.
func (k Key) shown() []string {
	items := k.value.get()
	shown := make([]string, len(items))
	for i, item := range items {
		shown[i] = k.show(item)
	}
	return shown
}

// show is an item of the key as it may be printed. That a secret is empty is no secret.
func (k Key) show(item string) string {
	switch {
	case k.Secret && item != "":
		return masked
	case k.value.show != nil:
		return k.value.show(item)
	}
	return item
}
