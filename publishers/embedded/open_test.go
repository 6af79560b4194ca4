package embedded_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hrbridge/publishers/embedded"
)

// refused opens what must not open and returns why it did not.
func refused(t *testing.T, o embedded.Options) error {
	t.Helper()
	b, err := embedded.Open(t.Context(), o)
	if err == nil {
		closeBroker(t, b)
		t.Fatal("opened")
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %q", err)
	}
	return err
}

func wantText(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func TestWhatTheEnvironmentDoesNotAllowIsOneLineThatSaysWhatToDo(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(*testing.T, *embedded.Options)
		says  []string
	}{
		"a data folder in use": {
			func(t *testing.T, o *embedded.Options) { open(t, *o) },
			[]string{"in use by another process", "data_dir"},
		},
		"a file in the data folder's place": {
			func(t *testing.T, o *embedded.Options) {
				o.DataDir = filepath.Join(o.DataDir, "file")
				writeFile(t, o.DataDir)
			},
			[]string{"cannot be used", "not a directory", "data_dir"},
		},
		"a file in the store's place": {
			func(t *testing.T, o *embedded.Options) { writeFile(t, filepath.Join(o.DataDir, "jetstream")) },
			[]string{"cannot be used", "not a directory"},
		},
		"a port that is taken": {
			func(t *testing.T, o *embedded.Options) {
				taken, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = taken.Close() })
				o.Listen = taken.Addr().String()
			},
			[]string{"cannot listen on 127.0.0.1:", "address already in use", "embedded.listen"},
		},
		"a disk nearly full": {
			func(_ *testing.T, o *embedded.Options) { o.MinFree = 1 << 60 },
			[]string{"nearly full", "MiB are free", "make room"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			test.spoil(t, &o)
			err := refused(t, o)
			wantText(t, err, test.says...)
			if errors.Is(err, embedded.ErrConfiguration) {
				t.Errorf("counts as configuration: %v", err)
			}
		})
	}
}

func writeFile(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOptionsThatCanNeverWorkAreRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*embedded.Options)
		says   string
	}{
		"all interfaces without credentials":       {func(o *embedded.Options) { o.Listen = ":4222" }, "open to the network"},
		"all interfaces by number":                 {func(o *embedded.Options) { o.Listen = "0.0.0.0:4222" }, "embedded.token"},
		"all interfaces of version 6":              {func(o *embedded.Options) { o.Listen = "[::]:4222" }, "or listen on 127.0.0.1"},
		"another host's name":                      {func(o *embedded.Options) { o.Listen = "broker.example.org:4222" }, "open to the network"},
		"no port":                                  {func(o *embedded.Options) { o.Listen = "127.0.0.1" }, "not host:port"},
		"a port by name":                           {func(o *embedded.Options) { o.Listen = "127.0.0.1:nats" }, "has to be a number"},
		"no data folder":                           {func(o *embedded.Options) { o.DataDir = "" }, "data_dir is empty"},
		"a user and a token":                       {func(o *embedded.Options) { o.User, o.Password, o.Token = "a", "b", "c" }, "keep one"},
		"a user without a password":                {func(o *embedded.Options) { o.User = "a" }, "set both"},
		"a certificate without a key":              {func(o *embedded.Options) { o.TLS.CertFile = "a" }, "set both"},
		"an authority for clients, no certificate": {func(o *embedded.Options) { o.TLS.ClientCAFile = "a" }, "embedded.tls.cert_file"},
		"a certificate that is not there":          {func(o *embedded.Options) { o.TLS.CertFile, o.TLS.KeyFile = "a", "b" }, "embedded.tls"},
		"several replicas":                         {func(o *embedded.Options) { o.Stream.Replicas = 3 }, "single server"},
		"a stream without subjects":                {func(o *embedded.Options) { o.Stream.Subjects = nil }, "no subjects"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			test.change(&o)
			err := refused(t, o)
			wantText(t, err, test.says)
			if !errors.Is(err, embedded.ErrConfiguration) {
				t.Errorf("does not count as configuration: %v", err)
			}
		})
	}
}

func TestAFolderIsFreeAgainAfterARefusalAndAfterClose(t *testing.T) {
	t.Parallel()
	o := options(t)
	spoiled := o
	spoiled.MinFree = 1 << 60
	_ = refused(t, spoiled)
	closeBroker(t, open(t, o))
	open(t, o)
}

func TestOnlyThisUserCanReadTheStore(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.DataDir = filepath.Join(o.DataDir, "a", "new", "one")
	open(t, o)
	for _, path := range []string{o.DataDir, filepath.Join(o.DataDir, "jetstream")} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o700 {
			t.Errorf("%s has mode %o", filepath.Base(path), mode)
		}
	}
}
