package kafka

import (
	"slices"
	"strings"

	kafkago "github.com/segmentio/kafka-go"

	"hrbridge/bridge"
)

// The operations, as bits of what the cluster says that we may do, and what it says where it does not tell.
const (
	mayWrite  = 1 << 4
	mayCreate = 1 << 5

	untold          = -1 << 31
	authorizedSince = 8 // version of the question for the cluster
)

// publish reads what we may do to the topics that are there.
func (i *inspection) publish() {
	f := bridge.Finding{
		Name: checkPublish, Status: bridge.VerdictOK, Found: "the user may write to every topic that is there",
		Why: "an event of a topic that we may not write to cannot be published, and holds its delivery up",
	}
	var denied, unknown []string
	denied = i.inState(kafkago.TopicAuthorizationFailed)
	for _, t := range i.said.Topics {
		switch {
		case t.ErrorCode != 0:
		case t.TopicAuthorizedOperations == untold:
			unknown = append(unknown, t.Name)
		case t.TopicAuthorizedOperations&mayWrite == 0:
			denied = append(denied, t.Name)
		}
	}
	slices.Sort(denied)
	switch {
	case len(denied) > 0:
		f.Status, f.Found, f.Remedy = bridge.VerdictFailure, "the user may not write to "+few(denied), "grant it WRITE on these topics, see docs/kafka.md"
	case len(unknown) > 0:
		f.Status, f.Found = bridge.VerdictSkipped, "cannot be told: the cluster does not say what this user may do to "+few(unknown)
		f.Remedy = "compare its access control lists with docs/kafka.md"
	case len(i.known) == 0:
		f.Status, f.Found = bridge.VerdictSkipped, "cannot be told before the topics are there"
	}
	i.note(f)
}

// provision reads whether we may make topics. That one may make those of a prefix only, a cluster does not tell.
func (i *inspection) provision() {
	f := bridge.Finding{
		Name: checkProvision, Status: bridge.VerdictOK, Found: "the user may make topics",
		Why: "with kafka.provision hrbridge makes the topics that are missing, and that of a type which it sees for the first time",
	}
	switch may := i.said.ClusterAuthorizedOperations; {
	case !i.o.Topics.Provision:
		f.Status, f.Found = bridge.VerdictSkipped, "not needed: kafka.provision is off, and an operator makes the topics"
	case may == 0 || may == untold:
		f.Status, f.Found = bridge.VerdictSkipped, "cannot be told: the user may not ask what it may do to the cluster"
		f.Remedy = "see that it has CREATE on the topics or the cluster (see docs/kafka.md), or set kafka.provision to false"
	case may&mayCreate == 0:
		f.Status, f.Found = bridge.VerdictWarning, "the user has no right to make topics of every name; whether it may make ours, the cluster does not tell"
		f.Remedy = "see that it has CREATE on the topics " + strings.Join(i.patterns(), ", ") + ", or set kafka.provision to false"
	}
	i.note(f)
}

// patterns are the beginnings of the topics' names, and those that stand alone.
func (i *inspection) patterns() []string {
	var all []string
	for _, name := range i.o.Topics.Names {
		if words := strings.Split(name, "."); len(words) > 2 {
			name = strings.Join(words[:len(words)-2], ".") + ".*"
		}
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}
