package doctor_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hrbridge/bridge"
	"hrbridge/cmd/hrbridge/doctor"
)

// sound are options of which nothing is to be said.
func sound(t *testing.T) doctor.Options {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "store"), 0o700); err != nil {
		t.Fatal(err)
	}
	return doctor.Options{
		DataDir: dir, Store: filepath.Join(dir, "store"), Spool: doctor.Spool{Needed: true, On: true, MaxBytes: 1}, MinFree: 1, MinFreeKey: "embedded.min_free", AdminListen: "127.0.0.1:8081",
		Limits:  doctor.Limits{MaxConnections: 10, MaxBody: 16 << 20, MaxHeader: 1 << 20, MaxEvent: 1 << 20},
		Sources: []doctor.Source{{Name: "hrflow", Lengths: []int{32, 40}, Files: []doctor.File{secretFile(t, 0o600)}}},
	}
}

func secretFile(t *testing.T, mode os.FileMode) doctor.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("an invented secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return doctor.File{Key: "sources.hrflow.secret_files", Path: path}
}

func finding(t *testing.T, findings []bridge.Finding, name string) bridge.Finding {
	t.Helper()
	at := slices.IndexFunc(findings, func(f bridge.Finding) bool { return f.Name == name })
	if at < 0 {
		t.Fatalf("nothing is said of %s: %+v", name, findings)
	}
	return findings[at]
}

func TestASoundMachineIsSaidToBeSo(t *testing.T) {
	t.Parallel()
	var names []string
	for _, f := range doctor.Local(sound(t)) {
		names = append(names, f.Name)
		if f.Name != "data_dir.filesystem" && f.Name != "data_dir.sync" && f.Status != bridge.VerdictOK { // these are as the machine of the test is
			t.Errorf("%s: %+v", f.Name, f)
		}
	}
	want := []string{
		"secrets", "admin.listen", "limits.sizes", "limits.files", "clock", "data_dir", "data_dir.filesystem", "data_dir.room", "spool", "data_dir.sync",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsWrongWithAMachineIsSaidWithWhatToDo(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*testing.T, *doctor.Options)
		check  string
		status bridge.Verdict
		has    []string
	}{
		"no secret": {
			func(_ *testing.T, o *doctor.Options) { o.Sources[0].Lengths = nil },
			"secrets", bridge.VerdictFailure, []string{"hrflow has no secret", "sources.hrflow.secret_files"},
		},
		"a short secret": {
			func(_ *testing.T, o *doctor.Options) { o.Sources[0].Lengths = []int{32, 4} },
			"secrets", bridge.VerdictWarning, []string{"2 secrets, of 32, 4 bytes", "16 bytes or more"},
		},
		"a secret that everybody can read": {
			func(t *testing.T, o *doctor.Options) { o.Files = []doctor.File{secretFile(t, 0o644)} },
			"secrets", bridge.VerdictWarning, []string{"chmod o-r "},
		},
		"a secret's file that is gone": {
			func(_ *testing.T, o *doctor.Options) {
				o.Files = []doctor.File{{Key: "nats.token_file", Path: "/nowhere/token"}}
			},
			"secrets", bridge.VerdictFailure, []string{"nats.token_file", "exist"},
		},
		"an admin listener for everybody": {
			func(_ *testing.T, o *doctor.Options) { o.AdminListen = ":8081" },
			"admin.listen", bridge.VerdictWarning, []string{"other machines", "127.0.0.1:8081"},
		},
		"headers that are too small for a source": {
			func(_ *testing.T, o *doctor.Options) { o.Sources[0].HeaderOnly = true },
			"limits.sizes", bridge.VerdictWarning, []string{"hrflow", "raise limits.max_header to 1402"},
		},
		"fewer files than connections": {
			func(_ *testing.T, o *doctor.Options) { o.Limits.MaxConnections = 1 << 50 },
			"limits.files", bridge.VerdictFailure, []string{"LimitNOFILE", "limits.max_connections"},
		},
		"a clock that was put back": {
			func(t *testing.T, o *doctor.Options) {
				later := time.Now().Add(24 * time.Hour)
				if err := os.Chtimes(o.DataDir, later, later); err != nil {
					t.Fatal(err)
				}
			},
			"clock", bridge.VerdictWarning, []string{"put back", "NTP"},
		},
		"a folder that is not there yet": {
			func(_ *testing.T, o *doctor.Options) { o.DataDir = filepath.Join(o.DataDir, "none") },
			"data_dir", bridge.VerdictOK, []string{"serve makes it"},
		},
		"a file in the folder's place": {
			func(t *testing.T, o *doctor.Options) { o.DataDir = secretFile(t, 0o600).Path },
			"data_dir", bridge.VerdictFailure, []string{"not a folder"},
		},
		"a folder for everybody": {
			func(t *testing.T, o *doctor.Options) {
				if err := errors.Join(os.Chmod(o.DataDir, 0o755), os.Chmod(o.Store, 0o755)); err != nil {
					t.Fatal(err)
				}
			},
			"data_dir", bridge.VerdictWarning, []string{"chmod o-rwx"},
		},
		"no room": {
			func(_ *testing.T, o *doctor.Options) { o.MinFree = 1 << 60 },
			"data_dir.room", bridge.VerdictFailure, []string{"embedded.min_free", "make room"},
		},
		"no spool": {
			func(_ *testing.T, o *doctor.Options) { o.Spool = doctor.Spool{Needed: true} },
			"spool", bridge.VerdictWarning, []string{"off", "set spool to on"},
		},
		"a spool larger than the disk": {
			func(_ *testing.T, o *doctor.Options) {
				o.Spool = doctor.Spool{Needed: true, On: true, MaxBytes: 1 << 60}
			},
			"spool", bridge.VerdictWarning, []string{"spool.max_bytes", "room for"},
		},
		"a spool in a folder that is not there yet": {
			func(_ *testing.T, o *doctor.Options) {
				o.DataDir, o.Spool = filepath.Join(o.DataDir, "none"), doctor.Spool{Needed: true, On: true, MaxBytes: 4 << 30}
			},
			"spool", bridge.VerdictOK, []string{"4096 MiB"},
		},
		"no need of a spool": {
			func(_ *testing.T, o *doctor.Options) { o.Spool = doctor.Spool{} },
			"spool", bridge.VerdictSkipped, []string{"not needed"},
		},
		"a folder that nobody needs": {
			func(_ *testing.T, o *doctor.Options) { o.Store, o.DataDir = "", "" },
			"data_dir.sync", bridge.VerdictSkipped, []string{"not needed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := sound(t)
			test.change(t, &o)
			f := finding(t, doctor.Local(o), test.check)
			if f.Status != test.status {
				t.Errorf("it is %s, want %s: %+v", f.Status, test.status, f)
			}
			for _, text := range test.has {
				if !strings.Contains(f.Found+"\n"+f.Remedy, text) {
					t.Errorf("it does not say %q: %+v", text, f)
				}
			}
			if f.Status != bridge.VerdictOK && f.Status != bridge.VerdictSkipped && (f.Why == "" || f.Remedy == "") {
				t.Errorf("it does not say why it matters and what to do: %+v", f)
			}
		})
	}
}

func TestMeasuringTheDiskLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	o := sound(t)
	f := finding(t, doctor.Local(o), "data_dir.sync")
	if !strings.Contains(f.Found, "ms") {
		t.Errorf("it was not measured: %+v", f)
	}
	left, err := os.ReadDir(o.DataDir)
	if err != nil || len(left) != 1 { // the store
		t.Errorf("in the folder are %v, %v", left, err)
	}
}
