package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"hrbridge/bridge"
	"hrbridge/bridge/signature"
	"hrbridge/schema"
)

const (
	secretEnv     = "HRBRIDGE_WEBHOOK_SECRET"      //nolint:gosec // the name of a variable
	secretFileEnv = "HRBRIDGE_WEBHOOK_SECRET_FILE" //nolint:gosec // the name of a variable

	// typeMix stands for the documented types in a list of types.
	typeMix = "mix"
)

// sendFlags is what the command line says about deliveries to send.
type sendFlags struct {
	url         string
	secretFile  string
	types       []string
	forms       []string
	events      int
	count       int
	connections int
	size        int
	rate        float64
	seed        uint64
	file        string
	withBody    bool
	timeout     time.Duration
}

// sendCommand sends signed deliveries, for trying a bridge out and for loading it.
func (a *app) sendCommand() *cobra.Command {
	var f sendFlags
	cmd := &cobra.Command{
		Use:   "send",
		Short: "Send signed test deliveries to a bridge",
		Long: `Sends signed deliveries to a bridge as HrFlow would, and says what became of them. The events are about invented people
and jobs unless --file names a document. Every run makes different events unless --seed is given: the same seed sends the
same deliveries again, which the bridge recognises.

The secret comes from --secret-file, else from ` + secretEnv + ` (the first of several) or the file that
` + secretFileEnv + ` names. There is no flag for the secret itself: other users of a machine can read those.

Exit code 0: every delivery was taken. 1: some were refused. 2: the command line is wrong. 3: some got no answer.`,
		Example: `  hrbridge send --secret-file ./secret
  hrbridge send --secret-file ./secret --type profile.parsing.success --type job.parsing.error --form signed-payload
  hrbridge send --secret-file ./secret --events 20 --count 1000 --connections 32 --rate 100
  hrbridge send --secret-file ./secret --file delivery.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("seed") {
				f.seed = rand.Uint64() //nolint:gosec // it makes up people, not secrets
			}
			for _, name := range []string{"type", "events", "size", "seed"} {
				if f.file != "" && cmd.Flags().Changed(name) {
					return usageError(fmt.Errorf("--%s shapes invented events and --file sends a document as it is: give one of them", name))
				}
			}
			return a.send(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.url, "url", "http://127.0.0.1:8080/webhooks/hrflow", "where the bridge takes deliveries of the source")
	flags.StringVar(&f.secretFile, "secret-file", "", "file that holds the source's secret")
	flags.StringSliceVar(&f.types, "type", []string{typeMix}, "event types to take turns at random; mix: the documented ones")
	flags.StringSliceVar(&f.forms, "form", []string{string(signature.BodyHex)}, "signature forms to take in turn: "+formNames())
	flags.IntVar(&f.events, "events", 1, "events in a delivery")
	flags.IntVar(&f.count, "count", 1, "deliveries to send")
	flags.Float64Var(&f.rate, "rate", 0, "deliveries per second; 0: as fast as it goes")
	flags.IntVar(&f.connections, "connections", 1, "connections to send on, a delivery at a time on each")
	flags.IntVar(&f.size, "size", 0, "bytes of an event; 0: 1 to 8 KiB, as it comes")
	flags.Uint64Var(&f.seed, "seed", 0, "send what this seed gives, the same every time (default another every time)")
	flags.StringVar(&f.file, "file", "", "send this file as it is, an array of events or one event; -: standard input")
	flags.BoolVar(&f.withBody, "body", false, "send the document as the body too where the form carries it in the header")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Second, "how long to wait for an answer")
	return cmd
}

// send carries the flags out.
func (a *app) send(ctx context.Context, f sendFlags) error {
	if err := f.check(); err != nil {
		return usageError(err)
	}
	secret, err := a.webhookSecret(f.secretFile)
	if err != nil {
		return usageError(err)
	}
	p, err := a.newPlan(f, secret)
	if err != nil {
		return usageError(err)
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	r := newSendReport(f.count, a.stdout, a.stderr)
	if err := newSender(f, p).run(ctx, r.add); err != nil {
		return err
	}
	return r.finish(ctx.Err())
}

// check refuses what cannot be carried out.
func (f sendFlags) check() error {
	u, err := url.Parse(f.url)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		return errors.New("--url is not an address such as http://127.0.0.1:8080/webhooks/hrflow")
	case f.count < 1:
		return errors.New("--count has to be 1 or more")
	case f.events < 0:
		return errors.New("--events cannot be negative")
	case f.connections < 1:
		return errors.New("--connections has to be 1 or more")
	case f.size < 0:
		return errors.New("--size cannot be negative")
	case !(f.rate >= 0):
		return errors.New("--rate cannot be negative")
	case f.timeout <= 0:
		return errors.New("--timeout has to be more than 0")
	}
	return nil
}

// newPlan reads what is to be sent, and tries that it can be.
func (a *app) newPlan(f sendFlags, secret []byte) (*plan, error) {
	p := &plan{secret: secret, events: f.events, size: f.size, seed: f.seed, withBody: f.withBody}
	for _, name := range f.forms {
		if !slices.Contains(signature.Forms(), signature.Form(name)) {
			return nil, fmt.Errorf("--form %s is unknown: use %s", printable(name), formNames())
		}
		p.forms = append(p.forms, signature.Form(name))
	}
	for _, name := range f.types {
		if name == typeMix {
			p.types = append(p.types, schema.Documented()...)
			continue
		}
		t, err := bridge.ParseType(name)
		if err != nil || !slices.Contains(bridge.Objects(), t.Object()) {
			return nil, fmt.Errorf("--type %s is no event type of %s: 'hrbridge schema' lists those that are known",
				printable(name), strings.Join(bridge.Objects(), ", "))
		}
		p.types = append(p.types, name)
	}
	if len(p.forms) == 0 || len(p.types) == 0 {
		return nil, errors.New("--form and --type need a name each")
	}
	if f.file == "" {
		return p, nil
	}
	var err error
	if p.document, err = a.readDocument(f.file); err != nil {
		return nil, fmt.Errorf("read the document to send: %w", err)
	}
	if len(p.document) == 0 {
		return nil, errors.New("the document to send is empty")
	}
	return p, nil
}

func (a *app) readDocument(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(a.stdin)
	}
	return os.ReadFile(file) //nolint:gosec // who calls the program names the file
}

// webhookSecret is the secret to sign with, from the file or else from the environment.
func (a *app) webhookSecret(file string) ([]byte, error) {
	if file == "" {
		first, _, _ := strings.Cut(a.getenv(secretEnv), ",")
		if first = strings.TrimSpace(first); first != "" {
			return []byte(first), nil
		}
		first, _, _ = strings.Cut(a.getenv(secretFileEnv), ",")
		file = strings.TrimSpace(first)
	}
	if file == "" {
		return nil, fmt.Errorf("no secret to sign with: give --secret-file, or set %s", secretEnv)
	}
	text, err := os.ReadFile(file) //nolint:gosec // who calls the program names the file
	if err != nil {
		return nil, fmt.Errorf("read the secret: %w", err)
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" {
		return nil, fmt.Errorf("the secret file %s is empty", printable(file))
	}
	return []byte(secret), nil
}

// getenv is the last value of a variable in the environment, "" where it is not set.
func (a *app) getenv(name string) string {
	for _, entry := range slices.Backward(a.env) {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

func formNames() string {
	var names []string
	for _, form := range signature.Forms() {
		names = append(names, string(form))
	}
	return strings.Join(names, ", ")
}
