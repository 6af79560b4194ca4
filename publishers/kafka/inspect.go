package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/metadata"

	"hrbridge/bridge"
)

// The names of the checks, in the order in which they are reported.
const (
	checkReach       = "broker.reach"
	checkAdvertised  = "broker.advertised"
	checkTopics      = "topics.present"
	checkSettings    = "topics.settings"
	checkReplication = "topics.replication"
	checkMinInSync   = "topics.min_in_sync"
	checkInSync      = "topics.in_sync"
	checkUnclean     = "topics.unclean_election"
	checkDuplicates  = "topics.duplicates"
	checkSize        = "broker.max_message"
	checkPublish     = "rights.publish"
	checkProvision   = "rights.provision"
	checkClock       = "clock.broker"
)

// inspected are the names of all checks: every Inspect reports every one, once.
func inspected() []string {
	return []string{
		checkReach, checkAdvertised, checkTopics, checkSettings, checkReplication, checkMinInSync, checkInSync, checkUnclean,
		checkDuplicates, checkSize, checkPublish, checkProvision, checkClock,
	}
}

// Inspect looks at the cluster and the topics as the publisher would find them, and changes nothing there: it publishes nothing
// and makes no topic. The findings are always about the same checks. The error, a [*bridge.Error], is that no broker could be
// asked, so that most checks were skipped.
func Inspect(ctx context.Context, o Options) ([]bridge.Finding, error) {
	i := &inspection{o: o}
	err := i.ask(ctx)
	if err == nil {
		i.look(ctx)
	}
	return i.report(), err
}

// inspection is a look at one cluster.
type inspection struct {
	o     Options
	said  *metadata.Response
	known map[string]topic // of o.Topics.Names, those that are there
	usual int              // how large a message topics take that say nothing, 0 where that is not told
	found []bridge.Finding
}

func (i *inspection) note(f bridge.Finding) { i.found = append(i.found, f) }

func (i *inspection) skip(name, found, remedy string) {
	i.note(bridge.Finding{Name: name, Status: bridge.VerdictSkipped, Found: found, Remedy: remedy})
}

// report is a finding for every check, in their order.
func (i *inspection) report() []bridge.Finding {
	otherwise := "not looked at: no broker could be asked"
	if i.said != nil {
		otherwise = "not looked at: none of the topics is there"
	}
	report := make([]bridge.Finding, 0, len(inspected()))
	for _, name := range inspected() {
		at := slices.IndexFunc(i.found, func(f bridge.Finding) bool { return f.Name == name })
		if at < 0 {
			report = append(report, bridge.Finding{Name: name, Status: bridge.VerdictSkipped, Found: otherwise})
			continue
		}
		report = append(report, i.found[at])
	}
	return report
}

// ask finds a broker that answers, and learns the cluster from it.
func (i *inspection) ask(ctx context.Context) error {
	const why = "without a connection deliveries go into the spool, where there is one with room, and are answered 503 otherwise"
	d, err := i.o.dialer()
	if err != nil {
		i.note(bridge.Finding{Name: checkReach, Status: bridge.VerdictFailure, Found: err.Error(), Why: why, Remedy: "correct the setting"})
		return &bridge.Error{Kind: bridge.KindRefused, Op: opReach, Err: err}
	}
	var silent []string
	var last error
	for _, address := range i.o.Brokers {
		said, err := i.askOne(ctx, d, address)
		if err != nil {
			silent, last = append(silent, err.Error()), err
			continue
		}
		if i.said == nil {
			i.said = said
		}
	}
	f := bridge.Finding{Name: checkReach, Status: bridge.VerdictOK, Why: why}
	switch {
	case i.said == nil:
		f.Status, f.Found, f.Remedy = bridge.VerdictFailure, strings.Join(silent, "; "), i.o.reachRemedy(last)
		i.note(f)
		return &bridge.Error{Kind: kindOf(last), Op: opReach, Err: last}
	case silent != nil:
		f.Status, f.Found, f.Remedy = bridge.VerdictWarning, strings.Join(silent, "; "), "start these brokers, or take them out of kafka.brokers"
	default:
		f.Found = fmt.Sprintf("the cluster answers at %s; brokers: %d", strings.Join(i.o.Brokers, ", "), len(i.said.Brokers))
	}
	i.note(f)
	return nil
}

// reachRemedy is what to do about the error of a dialer, which names the setting where one is wrong.
func (c Connection) reachRemedy(err error) string {
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case isDNS:
		return "correct the host " + dns.Name + " in kafka.brokers, or its DNS entry"
	case kindOf(err) == bridge.KindRefused:
		return "correct the setting that is named, and what the broker has for this user"
	case c.SASL.Mechanism != SASLNone && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
		return "where a broker ends a connection at the login: correct kafka.sasl.user, its password and kafka.sasl.mechanism"
	case c.TLS.Enabled && kindOf(err) == bridge.KindUnavailable:
		return "start the brokers, and see that the listener in kafka.brokers is there and speaks TLS (kafka.tls.enabled)"
	}
	return "start the brokers, or look at kafka.brokers, the network and the brokers' logs"
}

// askOne asks one broker for the cluster, on a connection of its own: kafka-go's transport keeps to itself what we may do.
func (i *inspection) askOne(ctx context.Context, d *dialer, address string) (*metadata.Response, error) {
	op := "ask the broker " + address
	conn, err := d.dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(i.o.AckTimeout)); err != nil {
		return nil, fault(op, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	peer := protocol.NewConn(conn, d.clientID)
	versions, err := askVersions(peer)
	if err != nil {
		return nil, fault(op, err)
	}
	peer.SetVersions(versions)
	answer, err := peer.RoundTrip(&metadata.Request{
		TopicNames: i.o.Topics.Names, IncludeClusterAuthorizedOperations: true, IncludeTopicAuthorizedOperations: true,
	})
	if err != nil {
		return nil, fault(op, err)
	}
	said, ok := answer.(*metadata.Response)
	if !ok {
		return nil, &bridge.Error{Kind: bridge.KindUnavailable, Op: op, Err: errors.New("its answer is not one")}
	}
	if versions[protocol.Metadata] < authorizedSince {
		said.ClusterAuthorizedOperations = 0
		for at := range said.Topics {
			said.Topics[at].TopicAuthorizedOperations = untold
		}
	}
	return said, nil
}

// advertised dials every broker where the cluster says that it is: the leaders are asked there, whatever kafka.brokers says.
func (i *inspection) advertised(ctx context.Context) {
	f := bridge.Finding{
		Name: checkAdvertised, Status: bridge.VerdictOK,
		Why: "a message goes to the leader of its partition, at the address that the cluster gives for it",
	}
	var addresses, silent []string
	d, err := i.o.dialer()
	for _, b := range i.said.Brokers {
		address := net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
		addresses = append(addresses, address)
		if err != nil {
			continue
		}
		conn, err := d.dial(ctx, "tcp", address)
		if err != nil {
			silent = append(silent, err.Error())
			continue
		}
		conn.Close()
	}
	f.Found = "every broker answers where the cluster says that it is: " + strings.Join(addresses, ", ")
	if silent != nil {
		f.Status, f.Found = bridge.VerdictFailure, strings.Join(silent, "; ")
		f.Remedy = "set advertised.listeners of the brokers to addresses that can be reached from here"
	}
	i.note(f)
}

// look makes all checks of a cluster that answers.
func (i *inspection) look(ctx context.Context) {
	i.advertised(ctx)
	i.skip(checkClock, "cannot be told: Kafka does not say what time it has", "")
	i.duplicates()
	i.learn(ctx)
	i.present()
	i.publish()
	i.provision()
	i.size()
	if len(i.known) == 0 {
		return
	}
	i.settings()
	i.replication()
	i.minInSync()
	i.inSync()
	i.unclean()
}

// duplicates says what there is against repeats.
func (i *inspection) duplicates() {
	f := bridge.Finding{
		Name: checkDuplicates, Status: bridge.VerdictOK,
		Found: "the bridge's own retries are stored once (kafka.idempotent); a delivery that is sent again is stored again, with the same ce_id",
		Why:   "Kafka has no memory of ids: consumers have to compare ce_id",
	}
	if !i.o.Idempotent {
		f.Status, f.Remedy = bridge.VerdictWarning, "set kafka.idempotent to true"
		f.Found = "the bridge's own retries may be stored twice, and so may a delivery that is sent again, with the same ce_id"
	}
	i.note(f)
}
