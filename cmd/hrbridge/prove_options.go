package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hrbridge/bridge"
	"hrbridge/bridge/ingress"
	"hrbridge/bridge/signature"
	"hrbridge/cmd/hrbridge/client"
	"hrbridge/cmd/hrbridge/config"
	"hrbridge/cmd/hrbridge/prove"
	"hrbridge/publishers"
	"hrbridge/schema"
)

// proveBroker is the configuration's broker.
func proveBroker(c config.Config) prove.Broker {
	p := c.Publisher()
	b := prove.Broker{
		Publisher: p.Name,
		Topics:    c.Fanout().StreamSubjects(),
		Tail: func(ctx context.Context, r bridge.Reading, each func(bridge.Record) error) error {
			o := c.Tail()
			o.Reading = r
			return publishers.Tail(ctx, o, each)
		},
	}
	if p.Name == publishers.NATS || p.Name == publishers.Embedded {
		b.Window, b.OneOrder = p.NATS.Stream.DuplicateWindow, true
	}
	return b
}

// proveOptions is what to prove, on what.
func (a *app) proveOptions(f proveFlags, c config.Config) (prove.Options, error) {
	source, err := proveSource(f, c)
	if err != nil {
		return prove.Options{}, err
	}
	forms, err := proveForms(f, source, c.Ingress())
	if err != nil {
		return prove.Options{}, err
	}
	to, err := proveURL(f.url, c.Listen, source.Name)
	if err != nil {
		return prove.Options{}, err
	}
	secret, err := a.proveSecret(f, c, source)
	if err != nil {
		return prove.Options{}, err
	}
	fanout := c.Fanout()
	if err := a.mayReachSubscribers(f, fanout, source.Name); err != nil {
		return prove.Options{}, err
	}
	o := prove.Options{
		Broker: proveBroker(c), Source: source.Name, Types: schema.Documented(), Forms: forms, Secret: secret,
		Topic:  func(eventType string) string { return fanout.Topic(source.Name, bridge.Type(eventType)) },
		Client: client.New(client.Options{URL: to, Header: source.Headers[0], Connections: f.connections, Timeout: f.timeout}),
		Events: f.events, Duration: f.duration, Rate: f.rate, Connections: f.connections, PerDelivery: f.perDelivery, Size: f.size,
		Repeats: f.redeliveries, Forgeries: f.forgeries, GiveUp: f.giveUp, Settle: f.settle, File: f.state,
	}
	return o, nil
}

// proveSource is the source to send as.
func proveSource(f proveFlags, c config.Config) (ingress.Source, error) {
	sources := c.Ingress().Sources
	named := func(name string) int {
		return slices.IndexFunc(sources, func(s ingress.Source) bool { return s.Name == name })
	}
	var names []string
	for _, s := range sources {
		names = append(names, s.Name)
	}
	switch i := named(config.ProveSource); {
	case f.source != "":
		if i = named(f.source); i < 0 {
			return ingress.Source{}, fmt.Errorf("--source %s is not configured: there are %s", printable(f.source), strings.Join(names, ", "))
		}
		return sources[i], nil
	case i >= 0:
		return sources[i], nil
	case len(sources) == 1:
		return sources[0], nil
	}
	return ingress.Source{}, fmt.Errorf("no source %s is configured: configure one with a topic_prefix of its own, or name one of %s with --source",
		config.ProveSource, strings.Join(names, ", "))
}

// proveForms are the source's forms, without those that carry the document in the header where it would not fit there.
func proveForms(f proveFlags, source ingress.Source, limits ingress.Options) ([]signature.Form, error) {
	event := f.size
	if event == 0 {
		event = 10 << 10 // invented events of a size of their own stay below it
	}
	largest := f.perDelivery * event
	switch {
	case event > limits.Events.MaxEvent:
		return nil, errors.New("--size is more than limits.max_event")
	case f.perDelivery > limits.Events.MaxEvents:
		return nil, errors.New("--events-per-delivery is more than limits.max_events")
	case int64(largest) > limits.MaxBody:
		return nil, errors.New("--events-per-delivery of such a --size are more than limits.max_body")
	}
	forms := slices.DeleteFunc(slices.Clone(source.Forms), func(form signature.Form) bool {
		return client.Carries(form) && largest/3*4 > limits.MaxHeader-headerSpare
	})
	if len(forms) == 0 {
		return nil, fmt.Errorf("the forms of source %s carry the document in the header, where deliveries of this size do not fit: raise limits.max_header, or send fewer or smaller events", source.Name)
	}
	return forms, nil
}

// headerSpare is what a request's header takes beside the signature.
const headerSpare = 4 << 10

// proveURL is where the bridge takes deliveries of the source.
func proveURL(given, listen, source string) (string, error) {
	if given == "" {
		given = "http://" + dialable(listen)
	}
	u, err := url.Parse(given)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		return "", errors.New("--url is not an address such as http://127.0.0.1:8080")
	case strings.Contains(u.Path, "/webhooks"):
		return "", errors.New("--url is where the bridge is: leave out /webhooks and what follows, and name the source with --source")
	}
	return u.JoinPath("webhooks", source).String(), nil
}

// proveSecret is the source's secret: from the file, else the configuration's, else the one that serve --dev made.
func (a *app) proveSecret(f proveFlags, c config.Config, source ingress.Source) ([]byte, error) {
	switch {
	case f.secretFile != "":
		return a.webhookSecret(f.secretFile)
	case len(source.Secrets) > 0:
		return source.Secrets[0], nil
	case f.dev:
		return a.webhookSecret(filepath.Join(c.DataDir, devSecretFile))
	}
	return nil, fmt.Errorf("no secret to sign with: give --secret-file, configure sources.%s.secret_files, or give --dev where the bridge is 'serve --dev'", source.Name)
}

// mayReachSubscribers asks whether events may go to topics that are not for them alone.
func (a *app) mayReachSubscribers(f proveFlags, o bridge.FanoutOptions, source string) error {
	if f.yes || source == config.ProveSource && alone(o, source) {
		return nil
	}
	topics := fmt.Sprintf("invented events of source %s go to the topics %s…, and so to everybody who subscribes to them", source, o.Topic(source, ""))
	if o.Topic(source, "") == "" {
		topics = fmt.Sprintf("invented events of source %s go to the topics of real ones, and so to everybody who subscribes to them", source)
	}
	if !isTerminal(a.stdin) {
		return fmt.Errorf("%s: give --yes if they may, or configure a source %s with a topic_prefix of its own", topics, config.ProveSource)
	}
	fmt.Fprintf(a.stderr, "%s. Go on? [y/N] ", topics)
	answer, err := bufio.NewReader(a.stdin).ReadString('\n')
	if answer = strings.ToLower(strings.TrimSpace(answer)); err == nil && (answer == "y" || answer == "yes") {
		return nil
	}
	return errors.New("nothing was sent")
}

// alone tells whether no other source has the topics of this one.
func alone(o bridge.FanoutOptions, source string) bool {
	for other := range o.SourcePrefixes {
		if other != source && o.Topic(other, "") == o.Topic(source, "") {
			return false
		}
	}
	return o.SourcePrefixes[source] != ""
}

// isTerminal tells whether somebody may sit at the other end.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
