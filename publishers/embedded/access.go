package embedded

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"sync/atomic"

	"github.com/nats-io/nats-server/v2/server"
)

// Who the publisher and the operator are; the names are also what the server's log shows.
const (
	bridgeUser   = "hrbridge"
	operatorUser = "hrbridge-operator"
)

// access decides who may connect, and what for. The publisher proves with a password that exists in this process only that
// it is the publisher, and may do everything. The operator proves with another, which is in the data folder, that he may
// read what is there, and may publish too: to send dead letters again. Everybody else is a subscriber: it may read, and never
// write, so that only what a signature covers is on a topic.
type access struct {
	password    string // the publisher's
	operator    string // the operator's password
	topics      []string
	subscribers credentials
	account     atomic.Pointer[server.Account] // the subscribers', of the server that runs
}

// credentials are what subscribers have to show: a user and a password, a token, or nothing.
type credentials struct{ user, password, token string }

func newAccess(o Options) *access {
	return &access{
		password: rand.Text() + rand.Text(), operator: rand.Text() + rand.Text(), topics: o.Stream.Subjects,
		subscribers: credentials{o.User, o.Password, o.Token},
	}
}

// Check implements the server's Authentication.
func (a *access) Check(c server.ClientAuthentication) bool {
	shown := c.GetOpts()
	if equal(shown.Username, bridgeUser) && equal(shown.Password, a.password) {
		c.RegisterUser(&server.User{Username: bridgeUser})
		return true
	}
	if equal(shown.Username, operatorUser) && equal(shown.Password, a.operator) && unheard(c) {
		c.RegisterUser(&server.User{Username: operatorUser, Permissions: a.operatorPermissions()})
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

// unheard tells whether nobody between c and the server can have heard the password.
func unheard(c server.ClientAuthentication) bool {
	if c.GetTLSConnectionState() != nil {
		return true
	}
	host, _, err := net.SplitHostPort(c.RemoteAddress().String())
	return err == nil && loopback(host)
}

// operatorPermissions are to publish to topics, in the stream's account, and to read as a subscriber does; and nothing that
// changes or empties a stream.
func (a *access) operatorPermissions() *server.Permissions {
	return &server.Permissions{Publish: &server.SubjectPermission{Allow: append(subscriberServices(), a.topics...)}}
}

// subscriberPermissions are a new set for each: the server keeps it.
func subscriberPermissions() *server.Permissions {
	return &server.Permissions{Publish: &server.SubjectPermission{Allow: subscriberServices()}}
}
