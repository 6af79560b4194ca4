package kafkatest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// Free ports are looked for below those that the system gives to outgoing connections: one of those could be taken by anybody
// while its owner is down.
const lowestPort, highestPort = 12000, 32000

// FreeAddress is a loopback address that nobody listens on, for whatever a test starts.
func FreeAddress(t testing.TB) string {
	t.Helper()
	address, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// freeAddress is a loopback address that nobody listens on.
func freeAddress() (string, error) {
	var err error
	for range 100 {
		address := "127.0.0.1:" + strconv.Itoa(lowestPort+rand.IntN(highestPort-lowestPort))
		if err = listenable(address); err == nil {
			return address, nil
		}
	}
	return "", fmt.Errorf("find a free port: %w", err)
}

// listenable tells why nobody can listen there.
func listenable(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return listener.Close()
}

// listen gives the broker its three addresses. With a port of the cluster's, they are always the same ones, so that data which
// is kept still fits.
func (b *broker) listen(port int) error {
	if port == 0 {
		var errs [3]error
		b.address, errs[0] = freeAddress()
		b.internal, errs[1] = freeAddress()
		b.controller, errs[2] = freeAddress()
		return errors.Join(errs[:]...)
	}
	for role, address := range []*string{&b.address, &b.internal, &b.controller} {
		*address = "127.0.0.1:" + strconv.Itoa(port+b.index+role*10000)
		if err := listenable(*address); err != nil {
			return err
		}
	}
	return nil
}
