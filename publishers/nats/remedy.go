package nats

import (
	"errors"
	"fmt"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hrbridge/bridge"
)

// unfit is a stream, or a server, with which the promises cannot be kept.
type unfit struct {
	differences []difference
	provision   bool
	version     string
}

func (u *unfit) Error() string { return describe(u.differences) + ": " + u.remedy() }

// remedy is what helps against the worst of the differences.
func (u *unfit) remedy() string {
	remedy := "change the stream (nats stream edit), let hrbridge do it (nats.provision), or name another stream"
	for _, d := range u.differences {
		switch {
		case d.key == "allow_atomic" && u.provision:
			remedy = "nats.commit batch needs a nats-server of 2.12 or later, this one is " + u.version + ": upgrade it or set nats.commit to pipeline"
		case d.key == maxPayloadKey:
			remedy = "raise max_payload in the server's configuration, or lower the largest event that is accepted"
		case d.fix == nil:
			remedy = "that cannot be changed on a stream that exists: name another stream, or move the events and make it anew"
		}
	}
	return remedy
}

// explain says what a failed check means and what helps.
func (k *keeper) explain(err error) *bridge.Error {
	e := fault("check stream "+k.stream.Name, err)
	refuse := func(remedy string) *bridge.Error {
		e.Kind, e.Err = bridge.KindRefused, fmt.Errorf("%w: %s", err, remedy)
		return e
	}
	if _, ok := errors.AsType[*unfit](err); ok {
		e.Kind = bridge.KindRefused
		return e
	}
	var code jetstream.ErrorCode
	if api, ok := errors.AsType[jetstream.JetStreamError](err); ok && api.APIError() != nil {
		code = api.APIError().ErrorCode
		e.Kind = kindOfCode(api.APIError())
	}
	switch {
	case errors.Is(err, natsgo.ErrPermissionViolation):
		return refuse("the user needs these permissions, see docs/nats.md")
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return refuse("create it or set nats.provision")
	case code == codeNotEnabled, code == codeAccountUnknown:
		return refuse("enable JetStream for this account")
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, natsgo.ErrNoResponders), code == codeJetStreamOff:
		e.Kind, e.Err = bridge.KindUnavailable, fmt.Errorf("%w: enable JetStream on the server (jetstream in its configuration, or -js)", err)
	case code == codeSubjectsOverlap:
		return refuse("another stream listens on some of " + fmt.Sprint(k.stream.Subjects) + ": name that one in nats.stream, remove the subjects from it, or set topic.prefix")
	case code == codeReplicas:
		return refuse("one server keeps one replica: set stream.replicas to 1 or run a cluster")
	case e.Kind == bridge.KindTimeout:
		e.Err = fmt.Errorf("%w: the server does not answer JetStream requests", err)
	}
	return e
}
