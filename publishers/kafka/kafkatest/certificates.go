package kafkatest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certificates are the files of a cluster with SSL, PEM: the authority that signed its certificate, and a certificate of the same
// for a client, with its key.
type Certificates struct {
	CAFile, CertFile, KeyFile string

	serverFile string // certificate and key, as Kafka reads them
}

// newCertificates makes an authority and what it signs, in files below dir.
func newCertificates(dir string) (*Certificates, error) {
	dir = filepath.Join(dir, "certificates")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	c := &Certificates{CAFile: file("ca.pem"), CertFile: file("client.pem"), KeyFile: file("client-key.pem"), serverFile: file("server.pem")}

	ca := template("Example Authority")
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	caCert, err := sign(ca, ca, caKey, caKey)
	if err != nil {
		return nil, err
	}
	serverCert, serverKey, err := leaf("server", ca, caKey)
	if err != nil {
		return nil, err
	}
	clientCert, clientKey, err := leaf("client", ca, caKey)
	return c, errors.Join(err,
		os.WriteFile(c.CAFile, caCert, 0o600), os.WriteFile(c.serverFile, append(serverKey, serverCert...), 0o600),
		os.WriteFile(c.CertFile, clientCert, 0o600), os.WriteFile(c.KeyFile, clientKey, 0o600))
}

func template(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
}

// leaf is a certificate for loopback, and its key.
func leaf(name string, ca *x509.Certificate, caKey *ecdsa.PrivateKey) (cert, key []byte, err error) {
	its, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	raw, err := x509.MarshalPKCS8PrivateKey(its)
	if err != nil {
		return nil, nil, err
	}
	of := template(name)
	of.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	cert, err = sign(of, ca, its, caKey)
	return cert, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), err
}

func sign(of, by *x509.Certificate, key, byKey *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, of, by, &key.PublicKey, byKey)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}

// settings are the brokers' on the listener for clients. A client's certificate is looked at, and needed where
// listener.name.client.ssl.client.auth says "required".
func (c *Certificates) settings() map[string]string {
	return map[string]string{
		"listener.name.client.ssl.keystore.type": "PEM", "listener.name.client.ssl.keystore.location": c.serverFile,
		"listener.name.client.ssl.truststore.type": "PEM", "listener.name.client.ssl.truststore.location": c.CAFile,
		"listener.name.client.ssl.client.auth": "requested",
	}
}
