package embedded

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"sync/atomic"

	"github.com/nats-io/nats-server/v2/server"
)

// bridgeUser is who the publisher is; the name is also what the server's log shows.
const bridgeUser = "hrbridge"

// access decides who may connect, and what for. The publisher proves with a password that exists in this process only that
// it is the publisher, and may do everything. Everybody else is a subscriber: it may read, and never write, so that only
// what a signature covers is on a topic.
type access struct {
	password    string // the publisher's
	subscribers credentials
	account     atomic.Pointer[server.Account] // the subscribers', of the server that runs
}

// credentials are what subscribers have to show: a user and a password, a token, or nothing.
type credentials struct{ user, password, token string }

func newAccess(o Options) *access {
	return &access{password: rand.Text() + rand.Text(), subscribers: credentials{o.User, o.Password, o.Token}}
}

// Check implements the server's Authentication.
func (a *access) Check(c server.ClientAuthentication) bool {
	shown := c.GetOpts()
	if equal(shown.Username, bridgeUser) && equal(shown.Password, a.password) {
		c.RegisterUser(&server.User{Username: bridgeUser})
		return true
	}
	account := a.account.Load()
	if account == nil || c.Kind() != server.CLIENT || !a.subscribers.shownBy(shown) {
		return false
	}
	c.RegisterUser(&server.User{Username: shown.Username, Account: account, Permissions: subscriberPermissions()})
	return true
}

func (s credentials) shownBy(shown *server.ClientOpts) bool {
	switch {
	case s.token != "":
		return equal(shown.Token, s.token)
	case s.user != "":
		user, password := equal(shown.Username, s.user), equal(shown.Password, s.password)
		return user && password
	}
	return true // a listener on loopback, or one that has checked a certificate
}

// equal compares in a time that tells nothing of either, not even its length.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// subscriberPermissions are a new set for each: the server keeps it.
func subscriberPermissions() *server.Permissions {
	return &server.Permissions{Publish: &server.SubjectPermission{Allow: subscriberServices()}}
}
