package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"hrbridge/bridge/ingress"
	"hrbridge/bridge/signature"
)

const (
	// DefaultSource is the source that exists when none is configured.
	DefaultSource = "hrflow"
	// ProveSource is the source that takes invented events on a live system: no service subscribes to its topics.
	ProveSource = "prove"
)

const (
	sourcesPrefix = "sources."
	sourcesEnv    = envPrefix + "SOURCES_"
)

// source is what is configured of a webhook.
type source struct {
	name                 string
	secrets, secretFiles []string
	forms                []signature.Form
	headers              []string
	rate                 float64
	burst                int
	topicPrefix          string
}

func newSource(name string) *source {
	return &source{name: name, forms: signature.Forms(), headers: ingress.DefaultHeaders()}
}

// table is all keys of the source, bound to it. The default source has names in the environment that are easier to remember.
func (s *source) table() []Key {
	notEmpty := func(item string) error {
		if item == "" {
			return errEmpty
		}
		return nil
	}
	name := func(setting string) string { return sourcesPrefix + s.name + "." + setting }
	keys := []Key{
		secretKey(name("secrets"), atLeastOne(list(&s.secrets, "the webhook's secret, or several while one is being replaced", notEmpty)),
			"The webhook's secret keys; a signature by any one of them is good."),
		key(name("secret_files"), list(&s.secretFiles, "files that hold one secret each", notEmpty),
			"Files to read the secrets from, instead."),
		key(name("forms"), atLeastOne(list(&s.forms, "some of "+joinForms(), checkForm)), "The signature forms that are accepted."),
		key(name("headers"), atLeastOne(list(&s.headers, "names of headers", checkHeader)), "The headers that may carry the signature."),
		key(name("rate"), zeroMeans(number(&s.rate, 0, 1e6), "no limit"), "Deliveries a second; past it the answer is 429."),
		key(name("burst"), zeroMeans(integer(&s.burst, 0, math.MaxInt32), "one second's worth"),
			"Deliveries taken at once, where there is a rate."),
		key(name("topic_prefix"), checked(&s.topicPrefix, "prefix", prefixWants, checkPrefix),
			"What stands between topic.prefix and the event type in the topics of this source, its closing dot included."),
	}
	for i := range keys {
		keys[i].Flag = "" // the name in the middle is not known before the file is read
	}
	if s.name == DefaultSource {
		keys[0].Env, keys[1].Env = envPrefix+"WEBHOOK_SECRET", envPrefix+"WEBHOOK_SECRET_FILE"
	}
	return keys
}

// options are the source as the ingress takes it.
func (s *source) options() ingress.Source {
	o := ingress.Source{
		Name: s.name, Forms: slices.Clone(s.forms), Headers: slices.Clone(s.headers), Rate: s.rate, Burst: s.burst,
	}
	if o.Rate > 0 && o.Burst == 0 {
		o.Burst = int(math.Ceil(o.Rate))
	}
	for _, secret := range s.secrets {
		o.Secrets = append(o.Secrets, []byte(secret))
	}
	return o
}

// atLeastOne is the list v that must not be empty.
func atLeastOne(v value) value {
	set := v.set
	v.set = func(items []string) error {
		if len(items) == 0 {
			return errEmpty
		}
		return set(items)
	}
	return v
}

func joinForms() string {
	var names []string
	for _, f := range signature.Forms() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}

func checkForm(item string) error {
	if !slices.Contains(signature.Forms(), signature.Form(item)) {
		return errors.New("names a form that does not exist")
	}
	return nil
}

// splitSource takes "sources.hrflow.rate" apart; ok is false where the key is not of that shape.
func splitSource(key string) (name, setting string, ok bool) {
	rest, ok := strings.CutPrefix(key, sourcesPrefix)
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, ".")
}

// sourceFromEnv finds the key behind HRBRIDGE_SOURCES_{NAME}_{SETTING}.
func sourceFromEnv(env string) (string, bool) {
	rest, ok := strings.CutPrefix(env, sourcesEnv)
	if !ok {
		return "", false
	}
	for _, k := range newSource("x").table() {
		_, setting, _ := splitSource(k.Name)
		upper, ok := strings.CutSuffix(rest, "_"+strings.ToUpper(setting))
		name := strings.ReplaceAll(strings.ToLower(upper), "_", "-")
		if ok && upper == strings.ToUpper(upper) && sourcePattern.MatchString(name) {
			return fmt.Sprintf("%s%s.%s", sourcesPrefix, name, setting), true
		}
	}
	return "", false
}
