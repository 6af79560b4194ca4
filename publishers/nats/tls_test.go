package nats_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"hrbridge/bridge"
	"hrbridge/publishers/nats"
)

// authority signs certificates for one test.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t testing.TB) *authority {
	a := &authority{t: t, cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Example Authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}}
	certFile, _ := a.issue(a.cert, true)
	a.file = certFile
	return a
}

// issue returns the files of a certificate and its key.
func (a *authority) issue(cert *x509.Certificate, self bool) (certFile, keyFile string) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	if self {
		a.key = key
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	if self {
		a.cert, _ = x509.ParseCertificate(der)
	}
	raw, _ := x509.MarshalPKCS8PrivateKey(key)
	return write(a.t, "cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		write(a.t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

func (a *authority) leaf(name string) (certFile, keyFile string) {
	return a.issue(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, false)
}

// secureServer is a server with a certificate of the authority, which asks for one of it.
func secureServer(t testing.TB, ours *authority) func(*server.Options) {
	t.Helper()
	certFile, keyFile := ours.leaf("server")
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(ours.cert)
	return func(o *server.Options) {
		o.TLS, o.TLSVerify, o.TLSTimeout = true, true, 5
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	}
}

func TestTLSWithAnOwnAuthorityAndAClientCertificate(t *testing.T) {
	t.Parallel()
	ours, theirs := newAuthority(t), newAuthority(t)
	b := startBroker(t, secureServer(t, ours))
	ourCert, ourKey := ours.leaf("client")
	theirCert, theirKey := theirs.leaf("client")
	good := nats.TLS{CAFile: ours.file, CertFile: ourCert, KeyFile: ourKey}
	p := openReady(t, b.publisherOptions(func(o *nats.Options) { o.TLS = good }))
	if err := p.Publish(t.Context(), events("sealed", 3)); err != nil {
		t.Error(err)
	}
	for name, bad := range map[string]nats.TLS{
		"a server of another authority": {CAFile: theirs.file, CertFile: ourCert, KeyFile: ourKey},
		"no client certificate":         {CAFile: ours.file},
		"a client of another authority": {CAFile: ours.file, CertFile: theirCert, KeyFile: theirKey},
		"the system's authorities only": {},
	} {
		t.Run(name+" is not connected", func(t *testing.T) {
			t.Parallel()
			p := open(t, b.publisherOptions(func(o *nats.Options) { o.TLS = bad }))
			time.Sleep(200 * time.Millisecond)
			err := wantKind(t, p.Ready(t.Context()), bridge.KindUnavailable)
			if text := err.Error(); !strings.Contains(text, "tls") && !strings.Contains(text, "x509") {
				t.Errorf("Ready does not say that it is about TLS: %v", err)
			}
		})
	}
}
