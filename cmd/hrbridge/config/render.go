package config

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Keys are all settings, with those of the default source standing for those of every source.
func Keys() []Key {
	return slices.Concat(defaults().table(), newSource(DefaultSource).table())
}

// String is the configuration as YAML, each value that is not a default with where it came from, and each secret as ***.
func (c Config) String() string {
	var b strings.Builder
	section := ""
	for _, k := range c.keys {
		section = openSection(&b, section, k.Name)
		comment := ""
		if from := c.origins[k.Name]; from != "" {
			comment = "  # " + from
		}
		fmt.Fprintf(&b, "%s%s: %s%s\n", indent(k.Name), lastWord(k.Name), yamlText(k.value, k.shown()), comment)
	}
	return b.String()
}

// Format prints String for every verb, so that no way of printing a Config shows a secret.
func (c Config) Format(f fmt.State, _ rune) {
	io.WriteString(f, c.String()) //nolint:errcheck // fmt has no use for it
}

// DefaultYAML is a configuration file that says everything and changes nothing: every key, commented out, with its default.
func DefaultYAML() string {
	var b strings.Builder
	b.WriteString(`# The configuration of hrbridge: every key with its default. Take the # away from a line to change it.
# The environment is stronger than this file, and flags are stronger than the environment. Made by: hrbridge config --defaults
`)
	section := ""
	for _, k := range Keys() {
		if k.Name == sourcesPrefix+DefaultSource+".secrets" {
			b.WriteString("\n# Each webhook is a source with a name of its own, served at /webhooks/{name}; hrflow is there unless others are named.")
		}
		b.WriteString("\n")
		section = openSection(&b, section, k.Name)
		in := indent(k.Name)
		fmt.Fprintf(&b, "%s# %s\n%s# Takes %s. (%s)\n", in, k.Help, in, k.Takes, k.Env)
		fmt.Fprintf(&b, "%s#%s: %s\n", in, lastWord(k.Name), yamlText(k.value, k.value.get()))
	}
	return b.String()
}

// Table is the keys as tables of Markdown, one for each section.
func Table() string {
	var b strings.Builder
	title := ""
	for _, k := range Keys() {
		t, _, _ := strings.Cut(k.Name, ".")
		switch {
		case !strings.Contains(k.Name, "."), t == "admin":
			t = "hrbridge"
		case t == "sources":
			t = "sources.{name}"
		}
		if t != title {
			title = t
			fmt.Fprintf(&b, "\n### %s\n\n| key | environment | default | takes | |\n| --- | --- | --- | --- | --- |\n", t)
		}
		name := strings.Replace(k.Name, sourcesPrefix+DefaultSource, sourcesPrefix+"{name}", 1)
		value := "empty"
		if k.Default != "" {
			value = "`" + strings.ReplaceAll(k.Default, ",", "`, `") + "`"
		}
		help := k.Help
		if k.Secret {
			help += " Secret: no flag, never printed."
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s |\n", name, sourceEnv(k), value, strings.ReplaceAll(k.Takes, "|", `\|`), help)
	}
	return strings.TrimPrefix(b.String(), "\n")
}

// sourceEnv is the variable of a key, that of a source with a name to put in.
func sourceEnv(k Key) string {
	_, setting, ok := splitSource(k.Name)
	if !ok {
		return k.Env
	}
	return sourcesEnv + "{NAME}_" + strings.ToUpper(setting)
}

// openSection writes the lines that lead from one key's section to that of name, and returns the latter.
func openSection(b *strings.Builder, from, name string) string {
	words := strings.Split(name, ".")
	words = words[:len(words)-1]
	section := strings.Join(words, ".")
	for i := range words {
		outer := strings.Join(words[:i+1], ".")
		if from != outer && !strings.HasPrefix(from, outer+".") {
			fmt.Fprintf(b, "%s%s:\n", strings.Repeat("  ", i), words[i])
		}
	}
	return section
}

func indent(name string) string { return strings.Repeat("  ", strings.Count(name, ".")) }

func lastWord(name string) string { return name[strings.LastIndex(name, ".")+1:] }

// yamlText is the items of a value as a file would say them.
func yamlText(v value, items []string) string {
	if len(items) == 1 && (!v.list || !strings.Contains(items[0], ",")) {
		return yamlScalar(v, items[0])
	}
	quoted := make([]string, len(items))
	for i, item := range items {
		quoted[i] = yamlScalar(v, item)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// plainScalar matches text that YAML takes for text without quotes, wherever it stands.
var plainScalar = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_./-]*$`)

func yamlScalar(v value, s string) string {
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		if v.bare {
			return s
		}
		return strconv.Quote(s)
	}
	if v.bare || plainScalar.MatchString(s) {
		return s
	}
	return strconv.Quote(s)
}
