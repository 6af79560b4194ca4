package nats

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	natsgo "github.com/nats-io/nats.go"

	"hrbridge/bridge"
)

// connectTrouble is why there is no connection, for a person.
type connectTrouble struct {
	found, remedy string
	kind          bridge.Kind
}

// trouble says what err means, which came of trying to connect with d, and which setting to look at.
func (d dialing) trouble(err error) connectTrouble {
	at := redacted(d.URL)
	refused := func(found, remedy string) connectTrouble {
		return connectTrouble{found, remedy, bridge.KindRefused}
	}
	away := func(found, remedy string) connectTrouble {
		return connectTrouble{found, remedy, bridge.KindUnavailable}
	}
	if isAuth(err) {
		return refused(fmt.Sprintf("%s does not accept these credentials (%v)", at, err), d.Auth.remedy(d.URL))
	}
	if t, ok := secureTrouble(err, d.TLS); ok {
		return refused(fmt.Sprintf("%s: %s: %v", at, t.found, err), t.remedy)
	}
	dns, isDNS := errors.AsType[*net.DNSError](err)
	timeout, isTimeout := errors.AsType[net.Error](err)
	switch {
	case isDNS:
		return away(fmt.Sprintf("the name %s cannot be resolved", dns.Name), "correct the host in nats.url, or its DNS entry")
	case errors.Is(err, natsgo.ErrNoServers):
		return away("nobody listens at "+at, "start the server, or correct nats.url")
	case errors.Is(err, natsgo.ErrTimeout), isTimeout && timeout.Timeout():
		return away(fmt.Sprintf("%s does not answer within %v", at, d.ConnectTimeout),
			"look at what stands between (firewall, network policy), correct nats.url, or raise nats.connect_timeout")
	case errors.Is(err, natsgo.ErrNoInfoReceived):
		return away("what answers at "+at+" is no NATS server", "correct the port in nats.url: 4222 is usual")
	case errors.Is(err, natsgo.ErrMaxConnectionsExceeded), errors.Is(err, natsgo.ErrMaxAccountConnectionsExceeded):
		return away(fmt.Sprintf("%s takes no more connections (%v)", at, err), "raise max_connections of the server or the account")
	}
	return away(fmt.Sprintf("%s: %v", at, err), "see that the server runs, and look at nats.url, the network and the server's log")
}

// secureTrouble says what is wrong with TLS, if that is what err is about.
func secureTrouble(err error, t TLS) (connectTrouble, bool) {
	trouble := func(found, remedy string) (connectTrouble, bool) {
		return connectTrouble{found: found, remedy: remedy}, true
	}
	var unknown x509.UnknownAuthorityError
	var wrongName x509.HostnameError
	var invalid x509.CertificateInvalidError
	var noTLS tls.RecordHeaderError
	switch {
	case errors.Is(err, natsgo.ErrSecureConnWanted), errors.As(err, &noTLS):
		return trouble("the server does not speak TLS", "enable TLS in the server's configuration, or use nats:// in nats.url and no nats.tls keys")
	case errors.Is(err, natsgo.ErrSecureConnRequired):
		return trouble("the server wants TLS", "use tls:// in nats.url")
	case errors.As(err, &unknown) && t.CAFile == "":
		return trouble("the server's certificate is of an authority that this machine does not trust", "set nats.tls.ca_file to that authority's certificate")
	case errors.As(err, &unknown):
		return trouble("the server's certificate is not of the authority in nats.tls.ca_file", "put the right authority into "+t.CAFile)
	case errors.As(err, &wrongName):
		return trouble("the server's certificate is for another name", "use a name of the certificate in nats.url, or have one made for this name")
	case errors.As(err, &invalid):
		return trouble("the server's certificate is not good now", "renew it, and see that the clocks of both machines are right")
	case strings.Contains(err.Error(), "tls: ") && t.CertFile == "":
		return trouble("TLS fails", "where the server asks for a certificate, set nats.tls.cert_file and nats.tls.key_file")
	case strings.Contains(err.Error(), "tls: "):
		return trouble("TLS fails", "see that the server trusts the authority of nats.tls.cert_file, and that the certificate has not run out")
	}
	return connectTrouble{}, false
}

// remedy names the setting that says who we are.
func (a Auth) remedy(address string) string {
	switch {
	case a.User != "":
		return "correct nats.user and nats.password (or nats.password_file)"
	case a.Token != "":
		return "correct nats.token (or nats.token_file)"
	case a.NKeySeedFile != "":
		return "see that the server knows the public key of nats.nkey_seed_file"
	case a.CredentialsFile != "":
		return "renew nats.credentials_file: it has run out, was revoked, or is of an account that the server does not know"
	case strings.Contains(address, "@"):
		return "correct the user and password in nats.url"
	}
	return "the server asks who is there: set nats.user and nats.password_file, nats.token_file, nats.nkey_seed_file or nats.credentials_file"
}

// redacted are addresses without the secrets in them.
func redacted(addresses string) string {
	all := strings.Split(addresses, ",")
	for i, address := range all {
		u, err := url.Parse(strings.TrimSpace(address))
		if err != nil {
			all[i] = "an address of nats.url"
			continue
		}
		if u.User != nil { // a user alone is a token
			u.User = url.User("xxxxx")
		}
		all[i] = u.String()
	}
	return strings.Join(all, ",")
}
