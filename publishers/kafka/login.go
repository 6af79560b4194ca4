package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/protocol/saslauthenticate"
	"github.com/segmentio/kafka-go/protocol/saslhandshake"

	"hrbridge/bridge"
)

// needed are the requests without which nothing is published or read.
func needed() []protocol.ApiKey {
	return []protocol.ApiKey{protocol.Produce, protocol.Fetch, protocol.ListOffsets, protocol.Metadata}
}

// introduce asks the peer for what it speaks, which shows that it is a Kafka broker that answers, and logs in.
func (d *dialer) introduce(ctx context.Context, conn net.Conn) error {
	peer := protocol.NewConn(conn, d.clientID)
	versions, err := askVersions(peer)
	if err != nil {
		return err
	}
	peer.SetVersions(versions)
	if d.mechanism == nil {
		return nil
	}
	return d.login(ctx, peer)
}

// unanswered says what it may mean when a broker, which said which versions it speaks, closes the connection at a question.
func unanswered(err error) error {
	_, told := errors.AsType[*bridge.Error](err) // by the dialer
	if !told && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
		return fmt.Errorf("the broker closed the connection instead of an answer (%w); does the listener want a login?", bare(err))
	}
	return err
}

func askVersions(peer *protocol.Conn) (map[protocol.ApiKey]int16, error) {
	answer, err := peer.RoundTrip(new(apiversions.Request))
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("the peer closed the connection at the first request (%w); does the listener want TLS?", err)
	case err != nil:
		return nil, err
	}
	spoken, ok := answer.(*apiversions.Response)
	if !ok || spoken.ErrorCode != 0 {
		return nil, errors.New("the broker does not say which versions of the protocol it speaks")
	}
	versions := make(map[protocol.ApiKey]int16, len(spoken.ApiKeys))
	for _, k := range spoken.ApiKeys {
		key := protocol.ApiKey(k.ApiKey)
		versions[key] = key.SelectVersion(k.MinVersion, k.MaxVersion)
		if k.MinVersion > key.MaxVersion() {
			versions[key] = -1
		}
	}
	for _, key := range needed() {
		if v, ok := versions[key]; !ok || v < key.MinVersion() {
			return nil, &bridge.Error{Kind: bridge.KindRefused, Err: fmt.Errorf("the broker speaks no version of %s that hrbridge speaks (%d to %d): "+
				"it is tried with Kafka 3.9 and 4.x", key, key.MinVersion(), key.MaxVersion())}
		}
	}
	return versions, nil
}

// login proves to the peer who we are.
func (d *dialer) login(ctx context.Context, peer *protocol.Conn) error {
	answer, err := peer.RoundTrip(&saslhandshake.Request{Mechanism: d.mechanism.Name()})
	if err != nil {
		return err
	}
	shake, ok := answer.(*saslhandshake.Response)
	switch {
	case !ok:
		return errors.New("the broker's answer to the login is not one")
	case kafkago.Error(shake.ErrorCode) == kafkago.UnsupportedSASLMechanism:
		return d.refused(fmt.Errorf("the broker takes %s: set kafka.sasl.mechanism to one of them", strings.Join(shake.Mechanisms, ", ")))
	case kafkago.Error(shake.ErrorCode) == kafkago.IllegalSASLState:
		return d.refused(errors.New("this listener wants no login: set kafka.sasl.mechanism to none, or kafka.brokers to a listener that does"))
	case shake.ErrorCode != 0:
		return d.refused(kafkago.Error(shake.ErrorCode))
	}
	conversation, say, err := d.mechanism.Start(ctx)
	for done := false; err == nil && !done; {
		var heard []byte
		if heard, err = d.authenticate(peer, say); err != nil {
			return err
		}
		done, say, err = conversation.Next(ctx, heard)
	}
	if err != nil { // the broker does not prove that it knows the password
		return d.refused(err)
	}
	return nil
}

func (d *dialer) authenticate(peer *protocol.Conn, say []byte) ([]byte, error) {
	answer, err := peer.RoundTrip(&saslauthenticate.Request{AuthBytes: say})
	if err != nil {
		return nil, err
	}
	heard, ok := answer.(*saslauthenticate.Response)
	switch {
	case !ok:
		return nil, errors.New("the broker's answer to the login is not one")
	case heard.ErrorCode != 0:
		return nil, d.refused(fmt.Errorf("the broker does not accept these credentials (%s): check kafka.sasl.user and its password", kafkago.Error(heard.ErrorCode).Title()))
	}
	return heard.AuthBytes, nil
}

func (d *dialer) refused(err error) *bridge.Error {
	return &bridge.Error{Kind: bridge.KindRefused, Err: fmt.Errorf("log in as %q with %s: %w", d.user, d.mechanism.Name(), err)}
}
