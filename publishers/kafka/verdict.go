package kafka

import (
	"errors"
	"fmt"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"hrbridge/bridge"
)

// verdict is what an answer, or its absence, says about a portion.
type verdict int

const (
	stored   verdict = iota // and never lost while the cluster keeps its promises
	again                   // not stored by this attempt; another may go better, perhaps elsewhere
	unsure                  // perhaps stored: only the very same bytes may be sent again
	lost                    // perhaps stored, and no further attempt would tell
	tooMuch                 // not stored: the batch is larger than the topic takes
	astray                  // not stored: the broker does not go on from our sequence
	hopeless                // not stored, and no further attempt goes better
)

// verdictOf sorts an attempt's outcome.
func verdictOf(err error) verdict {
	if err == nil {
		return stored
	}
	if e, ok := errors.AsType[*bridge.Error](err); ok { // of the dialer: nothing was sent
		if e.Kind.Retryable() {
			return again
		}
		return hopeless
	}
	if code, ok := errors.AsType[kafkago.Error](err); ok {
		return verdictOfCode(code)
	}
	if errors.Is(err, protocol.ErrNoLeader) || errors.Is(err, protocol.ErrNoTopic) || errors.Is(err, protocol.ErrNoPartition) {
		return again
	}
	return unsure
}

// verdictOfCode sorts what a broker answered.
func verdictOfCode(code kafkago.Error) verdict {
	switch code {
	case kafkago.MessageSizeTooLarge, kafkago.RecordListTooLarge:
		return tooMuch
	case kafkago.OutOfOrderSequenceNumber, kafkago.UnknownProducerId, kafkago.InvalidProducerEpoch, kafkago.InvalidProducerIDMapping:
		return astray
	case kafkago.UnknownTopicOrPartition, kafkago.BrokerNotAvailable, kafkago.ListenerNotFound, kafkago.UnknownTopicID,
		kafkago.InconsistentTopicID, kafkago.NotEnoughReplicas, kafkago.ThrottlingQuotaExceeded,
		kafkago.InvalidMessage: // its checksum was wrong when it arrived
		return again
	case kafkago.NotLeaderForPartition, kafkago.LeaderNotAvailable, kafkago.ReplicaNotAvailable, kafkago.FencedLeaderEpoch,
		kafkago.UnknownLeaderEpoch, // a broker that loses the lead while it waits for its replicas answers so, too
		kafkago.RequestTimedOut, kafkago.NetworkException, kafkago.NotEnoughReplicasAfterAppend, kafkago.KafkaStorageError:
		return unsure
	case kafkago.Unknown:
		return lost
	default:
		return hopeless
	}
}

// maybeStored is put beside the cause where that is not known.
var errMaybeStored = errors.New("the messages may be stored")

// explain makes the cause of a portion's failure the domain's, says what helps, and names the messages. maybe says that they
// may be stored all the same.
func explain(x *portion, err error, maybe bool) *bridge.Error {
	e := &bridge.Error{Kind: kindOf(err), Op: "publish to " + x.topic, Indexes: x.places, Err: err}
	code, _ := errors.AsType[kafkago.Error](err)
	refuse := func(remedy string) {
		e.Kind, e.Err = bridge.KindRefused, fmt.Errorf("%w: %s", err, remedy)
	}
	switch code {
	case kafkago.TopicAuthorizationFailed:
		refuse("grant the user WRITE on the topic, see docs/kafka.md")
	case kafkago.ClusterAuthorizationFailed:
		refuse("grant the user IDEMPOTENT_WRITE on the cluster, or turn kafka.idempotent off")
	case kafkago.InvalidRecord:
		refuse("a topic that compacts takes no message without a key: set its cleanup.policy to delete")
	case kafkago.InvalidTimestamp:
		refuse("the topic takes no message of that age: raise its message.timestamp.before.max.ms")
	case kafkago.UnsupportedCompressionType:
		refuse("choose another kafka.compression")
	case kafkago.NotEnoughReplicas, kafkago.NotEnoughReplicasAfterAppend:
		e.Err = fmt.Errorf("%w: fewer replicas are in sync than min.insync.replicas: bring brokers back", err)
	default: // the broker's words say what there is to say
	}
	if maybe {
		if e.Kind == bridge.KindInternal || e.Kind == bridge.KindTooLarge {
			e.Kind = bridge.KindUnavailable
		}
		e.Err = fmt.Errorf("%w (%w)", e.Err, errMaybeStored)
	}
	return e
}
