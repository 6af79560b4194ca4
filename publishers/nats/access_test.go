package nats_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"hrbridge/bridge"
	"hrbridge/publishers/nats"
)

func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// access is a server that asks who one is, and who may come in.
type access struct {
	server func(*server.Options)
	good   nats.Auth
	bad    nats.Auth
	relent func(*server.Options) // lets the bad one in
}

func byPassword(testing.TB) access {
	return access{
		server: func(o *server.Options) { o.Username, o.Password = "ada", "right" },
		good:   nats.Auth{User: "ada", Password: "right"},
		bad:    nats.Auth{User: "ada", Password: "wrong"},
		relent: func(o *server.Options) { o.Password = "wrong" },
	}
}

func byToken(testing.TB) access {
	return access{
		server: func(o *server.Options) { o.Authorization = "right" },
		good:   nats.Auth{Token: "right"},
		bad:    nats.Auth{Token: "wrong"},
		relent: func(o *server.Options) { o.Authorization = "wrong" },
	}
}

func byNKey(t testing.TB) access {
	seedFile := func() (file, public string) {
		keys, err := nkeys.CreateUser()
		if err != nil {
			t.Fatal(err)
		}
		seed, _ := keys.Seed()
		public, _ = keys.PublicKey()
		return write(t, "user.nk", seed), public
	}
	good, public := seedFile()
	bad, stranger := seedFile()
	return access{
		server: func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: public}} },
		good:   nats.Auth{NKeySeedFile: good},
		bad:    nats.Auth{NKeySeedFile: bad},
		relent: func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: stranger}} },
	}
}

func byCredentials(t testing.TB) access {
	operator, _ := nkeys.CreateOperator()
	account, _ := nkeys.CreateAccount()
	operatorKey, _ := operator.PublicKey()
	accountKey, _ := account.PublicKey()
	accountClaims := jwt.NewAccountClaims(accountKey)
	accountClaims.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: -1, MemoryStorage: -1, Streams: -1, Consumer: -1}
	accountJWT, err := accountClaims.Encode(operator)
	if err != nil {
		t.Fatal(err)
	}
	credentials := func(signer nkeys.KeyPair) string {
		user, _ := nkeys.CreateUser()
		userKey, _ := user.PublicKey()
		seed, _ := user.Seed()
		token, err := jwt.NewUserClaims(userKey).Encode(signer)
		if err != nil {
			t.Fatal(err)
		}
		file, err := jwt.FormatUserConfig(token, seed)
		if err != nil {
			t.Fatal(err)
		}
		return write(t, "user.creds", file)
	}
	stranger, _ := nkeys.CreateAccount()
	return access{
		server: func(o *server.Options) {
			o.TrustedKeys = []string{operatorKey}
			resolver := &server.MemAccResolver{}
			_ = resolver.Store(accountKey, accountJWT)
			o.AccountResolver = resolver
			system, _ := nkeys.CreateAccount()
			systemKey, _ := system.PublicKey()
			systemJWT, _ := jwt.NewAccountClaims(systemKey).Encode(operator)
			_ = resolver.Store(systemKey, systemJWT)
			o.SystemAccount = systemKey
		},
		good:   nats.Auth{CredentialsFile: credentials(account)},
		bad:    nats.Auth{CredentialsFile: credentials(stranger)},
		relent: func(o *server.Options) { o.TrustedKeys, o.AccountResolver, o.SystemAccount = nil, nil, "" },
	}
}

func TestEachWayToSayWhoOneIs(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func(testing.TB) access{
		"user and password": byPassword, "token": byToken, "NKey": byNKey, "credentials file": byCredentials,
	} {
		t.Run(name+" opens", func(t *testing.T) {
			t.Parallel()
			a := build(t)
			b := startBroker(t, a.server)
			p := openReady(t, b.publisherOptions(func(o *nats.Options) { o.Auth = a.good }))
			if err := p.Publish(t.Context(), events("let-in", 3)); err != nil {
				t.Error(err)
			}
		})
		t.Run("a wrong "+name+" is said to be, and tried again", func(t *testing.T) {
			t.Parallel()
			a := build(t)
			b := startBroker(t, a.server)
			p := open(t, b.publisherOptions(func(o *nats.Options) { o.Auth = a.bad }))
			time.Sleep(2500 * time.Millisecond) // nats.go gives up after the second time, unless it is told not to
			err := p.Ready(t.Context())
			if !strings.Contains(wantKind(t, err, bridge.KindRefused).Error(), "credentials") {
				t.Errorf("Ready says %v", err)
			}
			wantKind(t, p.Publish(t.Context(), events("kept-out", 1)), bridge.KindRefused)
			b.stop()
			a.relent(&b.options)
			b.start()
			eventually(t, func() error { return p.Ready(context.Background()) })
		})
	}
}

func TestOptionsThatCanNeverWorkAreRefused(t *testing.T) {
	t.Parallel()
	rows := map[string]func(*nats.Options){
		"two ways to say who one is":     func(o *nats.Options) { o.Auth = nats.Auth{User: "ada", Token: "secret-token"} },
		"a password without a user":      func(o *nats.Options) { o.Auth.Password = "secret" },
		"a missing NKey seed file":       func(o *nats.Options) { o.Auth.NKeySeedFile = "missing.nk" },
		"an NKey seed file without seed": func(o *nats.Options) { o.Auth.NKeySeedFile = write(t, "empty.nk", nil) },
		"a missing credentials file":     func(o *nats.Options) { o.Auth.CredentialsFile = "missing.creds" },
		"a missing CA file":              func(o *nats.Options) { o.TLS.CAFile = "missing.pem" },
		"a CA file without certificate":  func(o *nats.Options) { o.TLS.CAFile = write(t, "ca.pem", []byte("nothing")) },
		"a certificate without key":      func(o *nats.Options) { o.TLS.CertFile = "cert.pem" },
		"a missing certificate":          func(o *nats.Options) { o.TLS.CertFile, o.TLS.KeyFile = "cert.pem", "key.pem" },
		"no address":                     func(o *nats.Options) { o.URL = " " },
		"an address that is none":        func(o *nats.Options) { o.URL = "nats://ada:secret@[" },
		"an unknown way to commit":       func(o *nats.Options) { o.Commit = "sometimes" },
		"no stream":                      func(o *nats.Options) { o.Stream.Name = "" },
		"no subjects":                    func(o *nats.Options) { o.Stream.Subjects = nil },
		"no replica":                     func(o *nats.Options) { o.Stream.Replicas = 0 },
		"no window":                      func(o *nats.Options) { o.Window = 0 },
		"no time for acknowledgements":   func(o *nats.Options) { o.AckTimeout = 0 },
		"no duplicate window":            func(o *nats.Options) { o.Stream.DuplicateWindow = 0 },
		"a duplicate window beyond age":  func(o *nats.Options) { o.Stream.MaxAge = time.Minute },
	}
	for name, change := range rows {
		t.Run(name, func(t *testing.T) {
			o := nats.Defaults()
			o.Stream.Subjects = []string{"profile.>"}
			change(&o)
			p, err := nats.Open(t.Context(), o)
			if err == nil {
				_ = p.Close()
				t.Fatal("it was opened")
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}
