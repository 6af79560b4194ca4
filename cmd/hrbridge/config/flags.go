package config

import "github.com/spf13/pflag"

// fileFlag is the flag that names the file.
const fileFlag = "config"

// AddFlags gives fs --config and a flag for every key of the configuration that is not a secret. What they are set to is read,
// and checked, by [Load].
func AddFlags(fs *pflag.FlagSet) {
	if fs.Lookup(fileFlag) == nil {
		fs.String(fileFlag, "", "the configuration file (default "+DefaultFile+" where one exists)")
	}
	for _, k := range defaults().table() {
		if k.Flag == "" {
			continue
		}
		f := &flag{text: k.Default, kind: k.value.kind}
		added := fs.VarPF(f, k.Flag, "", k.Help)
		if k.value.kind == "bool" {
			added.NoOptDefVal = "true"
		}
	}
}

// flag holds what was given for a key until Load looks at it, together with all the rest.
type flag struct{ text, kind string }

// String is the value as it stands.
func (f *flag) String() string { return f.text }

// Set keeps the value, of which Load says whether it is any good.
func (f *flag) Set(text string) error {
	f.text = text
	return nil
}

// Type is what the help shows in the place of the value.
func (f *flag) Type() string { return f.kind }

// readFlags makes a layer of the flags that were given.
func (l *loader) readFlags(fs *pflag.FlagSet) layer {
	given := make(layer)
	if fs == nil {
		return given
	}
	for _, k := range l.keys {
		if f := fs.Lookup(k.Flag); k.Flag != "" && f != nil && f.Changed {
			given[k.Name] = &setting{Items: []string{f.Value.String()}, Origin: "--" + k.Flag}
		}
	}
	return given
}
