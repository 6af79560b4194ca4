package nats

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	natsgo "github.com/nats-io/nats.go"
)

const (
	reconnectWait   = 500 * time.Millisecond
	reconnectJitter = 500 * time.Millisecond
	// A peer that is gone without a word is noticed by the second ping without an answer.
	pingInterval = 5 * time.Second
	maxPingsOut  = 2
	// A write to a server that does not read holds its caller beyond the end of his context, and the connection's lock.
	writeTimeout = time.Second
)

// dialing is what a connection is made from, for publishing and for reading alike.
type dialing struct {
	URL, Name      string
	Auth           Auth
	TLS            TLS
	ConnectTimeout time.Duration
	InProcess      natsgo.InProcessConnProvider
}

// options are nats.go's, or why they can never work.
func (d dialing) options() ([]natsgo.Option, error) {
	options := []natsgo.Option{
		natsgo.Name(d.Name),
		natsgo.Timeout(d.ConnectTimeout),
		natsgo.PingInterval(pingInterval),
		natsgo.MaxPingsOutstanding(maxPingsOut),
		natsgo.FlusherTimeout(writeTimeout),
		natsgo.ReconnectOnFlusherError(),
	}
	if d.InProcess != nil {
		options = append(options, natsgo.InProcessServer(d.InProcess))
	} else if strings.TrimSpace(d.URL) == "" {
		return nil, errors.New("nats.url is empty: set it to the server's address, such as " + natsgo.DefaultURL)
	}
	for i, address := range strings.Split(d.URL, ",") {
		if _, err := url.Parse(address); err != nil {
			return nil, fmt.Errorf("nats.url: address %d is not one: want %s", i+1, natsgo.DefaultURL) // not err: it holds a password
		}
	}
	auth, err := d.Auth.option()
	if err != nil {
		return nil, err
	}
	if auth != nil {
		options = append(options, auth)
	}
	secure, err := d.TLS.options()
	return append(options, secure...), err
}

// option returns nil where nobody has to say who he is, or where the URL says it.
func (a Auth) option() (natsgo.Option, error) {
	ways := 0
	for _, set := range []bool{a.User != "" || a.Password != "", a.Token != "", a.NKeySeedFile != "", a.CredentialsFile != ""} {
		if set {
			ways++
		}
	}
	switch {
	case ways > 1:
		return nil, errors.New("nats: more than one of user and password, token, NKey seed file, credentials file is set: keep one")
	case a.User != "":
		return natsgo.UserInfo(a.User, a.Password), nil
	case a.Password != "":
		return nil, errors.New("nats: a password is set but no user: set the user too")
	case a.Token != "":
		return natsgo.Token(a.Token), nil
	case a.NKeySeedFile != "":
		option, err := natsgo.NkeyOptionFromSeed(a.NKeySeedFile)
		if err != nil {
			return nil, fmt.Errorf("read the NKey seed file %s: %w", a.NKeySeedFile, err)
		}
		return option, nil
	case a.CredentialsFile != "":
		// It is read again at every connect, so that it can be renewed; here only to say early that it cannot be.
		if _, err := os.ReadFile(a.CredentialsFile); err != nil {
			return nil, fmt.Errorf("read the credentials file: %w", err)
		}
		return natsgo.UserCredentials(a.CredentialsFile), nil
	}
	return nil, nil
}

// options check the files and leave them to be read again at every connect, so that certificates can be renewed.
func (t TLS) options() ([]natsgo.Option, error) {
	var options []natsgo.Option
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read the CA file: %w", err)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("the CA file %s holds no certificate: it has to be PEM", t.CAFile)
		}
		options = append(options, natsgo.RootCAs(t.CAFile))
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		return nil, errors.New("nats: of the client certificate and its key only one is set: set both")
	}
	if t.CertFile != "" {
		if _, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile); err != nil {
			return nil, fmt.Errorf("load the client certificate %s: %w", t.CertFile, err)
		}
		options = append(options, natsgo.ClientCert(t.CertFile, t.KeyFile))
	}
	return options, nil
}
