package nats

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"hrbridge/bridge"
)

// nearlyFull is the part of a limit, in percent, from which on somebody should know.
const nearlyFull = 80

// present looks for the stream.
func (i *inspection) present(ctx context.Context) {
	f := bridge.Finding{
		Name: checkStream, Status: bridge.VerdictOK,
		Why: "the stream holds the events; without it nothing is published",
	}
	asked := time.Now()
	err := i.ask(ctx, func(ctx context.Context) error {
		s, err := i.js.Stream(ctx, i.o.Stream.Name)
		if err == nil {
			i.stream = s.CachedInfo()
		}
		return err
	})
	switch {
	case err == nil:
		if i.heard.server.IsZero() {
			i.heard = heard{i.stream.TimeStamp, asked, time.Now()}
		}
		f.Found = fmt.Sprintf("%s holds %d messages of %d bytes", i.stream.Config.Name, i.stream.State.Msgs, i.stream.State.Bytes)
	case errors.Is(err, jetstream.ErrStreamNotFound):
		i.missing(ctx, &f)
	default:
		e := i.keeper.explain(err)
		f.Status, f.Found, f.Remedy = bridge.VerdictFailure, "cannot look: "+e.Err.Error(), "do what it says, and ask again"
	}
	i.note(f)
}

// missing says what comes of there being no stream.
func (i *inspection) missing(ctx context.Context, f *bridge.Finding) {
	if other, subject := i.taken(ctx); other != "" {
		f.Status = bridge.VerdictFailure
		f.Found = fmt.Sprintf("there is no stream %s, and it cannot be made: the stream %s listens on some of %s", i.o.Stream.Name, other, subject)
		f.Remedy = "name that stream in nats.stream, take the subjects off it, or set topic.prefix"
		return
	}
	f.Status, f.Found = bridge.VerdictFailure, "there is no stream "+i.o.Stream.Name
	f.Remedy = "make it, with the settings in docs/nats.md, or set nats.provision"
	if i.o.Provision {
		f.Status, f.Remedy = bridge.VerdictWarning, "nothing: hrbridge serve makes it (nats.provision)"
	}
}

// taken finds another stream on our subjects, as far as we may look.
func (i *inspection) taken(ctx context.Context) (stream, subject string) {
	for _, subject := range i.o.Stream.Subjects {
		err := i.ask(ctx, func(ctx context.Context) (err error) {
			stream, err = i.js.StreamNameBySubject(ctx, subject)
			return err
		})
		if err == nil {
			return stream, subject
		}
		if !errors.Is(err, jetstream.ErrStreamNotFound) {
			return "", ""
		}
	}
	return "", ""
}

// judge makes f what the differences come to: a failure where one is grave and stays.
func (i *inspection) judge(f *bridge.Finding, differences []difference) {
	if len(differences) == 0 {
		return
	}
	stays := func(d difference) bool { return d.grave && (d.fix == nil || !i.o.Provision) }
	f.Found = describe(differences)
	u := &unfit{differences: differences, provision: i.o.Provision, version: i.nc.ConnectedServerVersion()}
	switch mendable := !slices.ContainsFunc(differences, func(d difference) bool { return d.fix == nil }); {
	case slices.ContainsFunc(differences, stays):
		u.differences = slices.DeleteFunc(slices.Clone(differences), func(d difference) bool { return !stays(d) })
		f.Status, f.Remedy = bridge.VerdictFailure, u.remedy()
	case mendable && i.o.Provision:
		f.Status, f.Remedy = bridge.VerdictWarning, "nothing: hrbridge serve changes it when it connects (nats.provision)"
	case mendable:
		f.Status, f.Remedy = bridge.VerdictWarning, u.remedy()
	default:
		f.Status, f.Remedy = bridge.VerdictWarning, "narrow it with nats stream edit, where that is wanted (it drops what is beyond), or configure what there is"
	}
}

// differences are those of the stream that are about one of the keys, or about none of those that have checks of their own.
func (i *inspection) differences(keys ...string) []difference {
	all := i.o.Stream.compare(i.o.Commit == CommitBatch, i.stream.Config)
	return slices.DeleteFunc(all, func(d difference) bool {
		if len(keys) == 0 {
			return slices.Contains([]string{maxSizeKey, windowKey, replicasKey}, d.key)
		}
		return !slices.Contains(keys, d.key)
	})
}

func (i *inspection) settings() {
	f := bridge.Finding{
		Name: checkSettings, Status: bridge.VerdictOK, Found: "as configured: " + strings.Join(i.stream.Config.Subjects, ", "),
		Why: "a stream of another make drops acknowledged events, or takes none",
	}
	i.judge(&f, i.differences())
	i.note(f)
}

// size is about the largest message: what the server takes and, where there is one, the stream.
func (i *inspection) size() {
	most := i.nc.MaxPayload()
	differences := i.o.Stream.comparePayload(most)
	found := fmt.Sprintf("an event and its headers take %d bytes at most; the server takes %d", i.o.Stream.MinMessage, most)
	if i.stream != nil {
		differences = append(differences, i.differences(maxSizeKey)...)
		if s := i.stream.Config.MaxMsgSize; s > 0 {
			found += fmt.Sprintf(", the stream %d", s)
		}
	}
	f := bridge.Finding{
		Name: checkSize, Status: bridge.VerdictOK, Found: found,
		Why: "an event that limits.max_event lets in and the broker does not take is answered 413 each time that it is sent",
	}
	i.judge(&f, differences)
	i.note(f)
}

// replicas is about copies, and about whether they are there now.
func (i *inspection) replicas() {
	have := i.stream.Config.Replicas
	f := bridge.Finding{
		Name: checkReplicas, Status: bridge.VerdictOK, Found: fmt.Sprintf("%d copies", have),
		Why: "with one copy nothing is taken while its server is down, and a disk that dies takes the events with it that nobody has read",
	}
	if i.o.Own {
		f.Found = "one copy, on the disk of this machine"
		i.note(f)
		return
	}
	if have == 1 {
		f.Status, f.Found = bridge.VerdictWarning, "one copy"
		f.Remedy = "run a cluster of three and set stream.replicas to 3, where a machine that is lost must lose nothing"
	}
	if have == 2 || have == 4 {
		f.Status, f.Remedy = bridge.VerdictWarning, fmt.Sprintf("set stream.replicas to %d: an even number survives no more than one less", have+1)
	}
	if differences := i.differences(replicasKey); len(differences) > 0 {
		i.judge(&f, differences)
	}
	if c := i.stream.Cluster; c != nil && have > 1 {
		i.peers(&f, c)
	}
	i.note(f)
}

// peers looks at the servers that keep the copies.
func (i *inspection) peers(f *bridge.Finding, c *jetstream.ClusterInfo) {
	var behind []string
	for _, p := range c.Replicas {
		if p.Offline || !p.Current {
			behind = append(behind, p.Name)
		}
	}
	const remedy = "see that all servers of the cluster run and reach each other"
	switch {
	case c.Leader == "":
		f.Status, f.Found, f.Remedy = bridge.VerdictFailure, f.Found+"; the stream has no leader now, and takes nothing", remedy
	case len(behind) > 0:
		f.Status, f.Found, f.Remedy = bridge.VerdictWarning, f.Found+"; not up to date: "+strings.Join(behind, ", "), remedy
	}
}

// room is about the limits of stream and account.
func (i *inspection) room(ctx context.Context) {
	f := bridge.Finding{
		Name: checkRoom, Status: bridge.VerdictOK, Found: "the stream has no limit of its own",
		Why: "a full stream refuses what is new, so that nothing unread is dropped: deliveries are then answered 503",
	}
	used := func(what string, have, most int64) {
		if most <= 0 {
			return
		}
		percent := have * 100 / most
		text := fmt.Sprintf("%s: %d of %d (%d %%)", what, have, most, percent)
		switch {
		case have >= most:
			f.Status, f.Found = bridge.VerdictFailure, text
		case percent >= nearlyFull && f.Status != bridge.VerdictFailure:
			f.Status, f.Found = bridge.VerdictWarning, text
		case f.Status == bridge.VerdictOK:
			f.Found = text
			return
		default:
			return
		}
		f.Remedy = "let consumers catch up, raise the limit, or keep events for a shorter time (stream.max_age)"
	}
	used("messages", int64(i.stream.State.Msgs), i.stream.Config.MaxMsgs)
	used("bytes", int64(i.stream.State.Bytes), i.stream.Config.MaxBytes)
	_ = i.ask(ctx, func(ctx context.Context) error { // not everybody may ask for this, and the stream's own limits are told
		account, err := i.js.AccountInfo(ctx)
		if err == nil {
			used("bytes of the account's store", int64(account.Store), account.Limits.MaxStore)
		}
		return err
	})
	i.note(f)
}

// window is about how long a repeat is recognised.
func (i *inspection) window() {
	have := i.stream.Config.Duplicates
	f := bridge.Finding{
		Name: checkWindow, Status: bridge.VerdictOK,
		Found: fmt.Sprintf("a repeat is stored once within %v; a sender tries again after %v at the soonest", have, i.o.Redelivery),
		Why:   "a delivery that was stored and not answered in time comes again: past the window it is stored twice, with the same id",
	}
	i.judge(&f, i.differences(windowKey))
	if have < i.o.Redelivery {
		f.Status = bridge.VerdictWarning
		f.Found = fmt.Sprintf("a repeat is stored once within %v, and a sender may try again only after %v", have, i.o.Redelivery)
		f.Remedy = "raise stream.duplicate_window above answer_within and retry_after together, and above the time for which senders try again"
	}
	i.note(f)
}
