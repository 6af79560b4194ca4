package doctor

import (
	"fmt"
	"io/fs"
	"os"
	"strings"

	"hrbridge/bridge"
)

// shortSecret is what a secret of HMAC-SHA256 should have at least, in bytes.
const shortSecret = 16

// secrets is about how many there are, how long, and who can read them. What they are, nobody is told.
func (o Options) secrets() bridge.Finding {
	f := bridge.Finding{
		Name: checkSecrets, Status: bridge.VerdictOK,
		Why: "whoever knows a secret can have anything published; without one nothing is verified, and every delivery is answered 401",
	}
	var found, short, none []string
	files := o.Files
	for _, s := range o.Sources {
		found = append(found, s.text())
		for _, n := range s.Lengths {
			if n < shortSecret {
				short = append(short, s.Name)
				break
			}
		}
		if len(s.Lengths) == 0 && !s.Dev {
			none = append(none, s.Name)
		}
		files = append(files, s.Files...)
	}
	f.Found = strings.Join(found, "; ")
	open, unreadable := exposed(files)
	switch {
	case len(none) > 0:
		f.Status, f.Remedy = bridge.VerdictFailure, "set sources."+none[0]+".secret_files"
	case len(unreadable) > 0:
		f.Status, f.Found = bridge.VerdictFailure, strings.Join(unreadable, "; ")
		f.Remedy = "name files that exist and are this user's to read"
	case len(open) > 0:
		f.Status, f.Found = bridge.VerdictWarning, f.Found+"; everybody on this machine can read "+strings.Join(open, ", ")
		f.Remedy = "run: chmod o-r " + strings.Join(open, " ")
	case len(short) > 0:
		f.Status = bridge.VerdictWarning
		f.Remedy = fmt.Sprintf("have HrFlow make a secret of %d bytes or more for %s, where it lets you", shortSecret, strings.Join(short, ", "))
	}
	return f
}

func (s Source) text() string {
	lengths := make([]string, len(s.Lengths))
	for i, n := range s.Lengths {
		lengths[i] = fmt.Sprint(n)
	}
	switch len(lengths) {
	case 0:
		if s.Dev {
			return "the source " + s.Name + " gets a secret from serve --dev"
		}
		return "the source " + s.Name + " has no secret"
	case 1:
		return fmt.Sprintf("the source %s has one secret, of %s bytes", s.Name, lengths[0])
	}
	return fmt.Sprintf("the source %s has %d secrets, of %s bytes", s.Name, len(lengths), strings.Join(lengths, ", "))
}

// exposed are the files that everybody can read, and what is wrong with those that cannot be looked at.
func exposed(files []File) (open, unreadable []string) {
	for _, file := range files {
		info, err := os.Stat(file.Path)
		switch {
		case err != nil:
			unreadable = append(unreadable, fmt.Sprintf("%s: %v", file.Key, err))
		case info.Mode().Type()&^fs.ModeSymlink == 0 && info.Mode().Perm()&0o004 != 0:
			open = append(open, file.Path)
		}
	}
	return open, unreadable
}
