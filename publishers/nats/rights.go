package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"hrbridge/bridge"
)

// userInfoSubject answers who we are and what we may do; every account has it.
const userInfoSubject = "$SYS.REQ.USER.INFO"

// userInfo is what the server says of us.
type userInfo struct {
	Server struct {
		Time time.Time `json:"time"`
	} `json:"server"`
	Data struct {
		User        string       `json:"user"`
		Account     string       `json:"account"`
		Permissions *permissions `json:"permissions"` // nil is everything
	} `json:"data"`
}

type permissions struct {
	Publish   permitted `json:"publish"`
	Subscribe permitted `json:"subscribe"`
}

// permitted is what may be used: all that Allow covers, or everything where it is empty, but what Deny covers.
type permitted struct {
	Allow []string `json:"allow"`
	Deny  []string `json:"deny"`
}

// The answers to whether a subject may be used.
type right int

const (
	rightAll right = iota
	rightSome
	rightNone
)

// of is what may be done of what subject matches.
func (p permitted) of(subject string) right {
	covered := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool { return covers(pattern, subject) })
	}
	touched := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool { return overlaps(pattern, subject) })
	}
	switch {
	case covered(p.Deny), len(p.Allow) > 0 && !touched(p.Allow):
		return rightNone
	case touched(p.Deny), len(p.Allow) > 0 && !covered(p.Allow):
		return rightSome
	}
	return rightAll
}

// lacking are those of the subjects that may not be used, or not all of what they match.
func (p permitted) lacking(subjects []string) (none, some []string) {
	for _, subject := range subjects {
		switch p.of(subject) {
		case rightNone:
			none = append(none, subject)
		case rightSome:
			some = append(some, subject)
		case rightAll:
		}
	}
	return none, some
}

// overlaps tells whether there is a subject that both patterns match.
func overlaps(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		switch {
		case x[i] == ">" || y[i] == ">":
			return true
		case x[i] != y[i] && x[i] != "*" && y[i] != "*":
			return false
		}
	}
	return len(x) == len(y)
}

// askUser finds out what we may do; the error is why that is not told.
func (i *inspection) askUser(ctx context.Context) error {
	if i.o.Own { // a subscriber there may not ask
		return nil
	}
	asked := time.Now()
	return i.ask(ctx, func(ctx context.Context) error {
		m, err := i.nc.RequestWithContext(ctx, userInfoSubject, nil)
		if err != nil {
			return err
		}
		u := new(userInfo)
		if err := json.Unmarshal(m.Data, u); err != nil || u.Data.Account == "" {
			return fmt.Errorf("the server's answer at %s is not what was expected", userInfoSubject)
		}
		i.user, i.heard = u, heard{u.Server.Time, asked, time.Now()}
		return nil
	})
}

// rights are read, never tried: a message that is published to find out would be an event.
func (i *inspection) rights(denied error) {
	switch {
	case i.o.Own:
		i.note(bridge.Finding{Name: checkPublish, Status: bridge.VerdictOK, Found: "the bridge alone may publish on its own broker"})
		i.note(bridge.Finding{Name: checkProvision, Status: bridge.VerdictOK, Found: "the bridge alone may make and change streams on its own broker"})
		return
	case i.user == nil:
		found := fmt.Sprintf("cannot be told: the server does not say what this user may do (%v)", denied)
		if errors.Is(denied, natsgo.ErrPermissionViolation) {
			found = "cannot be told: this user may not ask for its rights at " + userInfoSubject
		}
		remedy := "let the user publish to " + userInfoSubject + " and subscribe to _INBOX.>, or compare its permissions with the table in docs/nats.md"
		i.skip(checkPublish, found, remedy)
		i.skip(checkProvision, found, remedy)
		return
	}
	who := "the user " + i.user.Data.User + " of account " + i.user.Data.Account
	if i.user.Data.User == "" {
		who = "everybody in account " + i.user.Data.Account
	}
	p := permissions{}
	if i.user.Data.Permissions != nil {
		p = *i.user.Data.Permissions
	}
	i.mayPublish(who, p)
	i.mayProvision(who, p)
}

// mayPublish is about the topics, and the acknowledgements.
func (i *inspection) mayPublish(who string, p permissions) {
	f := bridge.Finding{
		Name: checkPublish, Status: bridge.VerdictOK,
		Found: fmt.Sprintf("%s may publish to %s", who, strings.Join(i.o.Stream.Subjects, ", ")),
		Why:   "an event of a topic that we may not publish to cannot be published, and holds its delivery up",
	}
	none, some := p.Publish.lacking(i.o.Stream.Subjects)
	noInbox, someInbox := p.Subscribe.lacking([]string{natsgo.InboxPrefix + ">"})
	switch {
	case len(none) > 0:
		f.Status, f.Found = bridge.VerdictFailure, fmt.Sprintf("%s may not publish to %s", who, strings.Join(none, ", "))
		f.Remedy = "let the user publish to " + strings.Join(none, ", ")
	case len(noInbox)+len(someInbox) > 0:
		f.Status, f.Found = bridge.VerdictFailure, who+" may not subscribe to "+natsgo.InboxPrefix+">, where acknowledgements arrive"
		f.Remedy = "let the user subscribe to " + natsgo.InboxPrefix + ">"
	case len(some) > 0:
		f.Status, f.Found = bridge.VerdictWarning, fmt.Sprintf("%s may publish only to a part of %s", who, strings.Join(some, ", "))
		f.Remedy = "let the user publish to all of " + strings.Join(some, ", ") + ": HrFlow adds event types"
	}
	i.note(f)
}

// mayProvision is about making and changing the stream.
func (i *inspection) mayProvision(who string, p permissions) {
	name := i.o.Stream.Name
	f := bridge.Finding{
		Name: checkProvision, Status: bridge.VerdictOK, Found: who + " may make and change the stream " + name,
		Why: "with nats.provision hrbridge makes the stream where it is missing, and changes what is not as configured",
	}
	none, _ := p.Publish.lacking([]string{
		"$JS.API.STREAM.INFO." + name, "$JS.API.STREAM.CREATE." + name, "$JS.API.STREAM.UPDATE." + name,
	})
	switch {
	case !i.o.Provision:
		f.Status, f.Found = bridge.VerdictSkipped, "not needed: nats.provision is off, and an operator makes the stream"
	case len(none) > 0:
		f.Status, f.Found = bridge.VerdictFailure, fmt.Sprintf("%s may not publish to %s", who, strings.Join(none, ", "))
		f.Remedy = "let the user publish to these, or set nats.provision to false and make the stream by hand"
	}
	i.note(f)
}
