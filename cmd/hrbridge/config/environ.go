package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// serviceLink matches the variables that Kubernetes puts into every pod for each service of the namespace: for a service
// called hrbridge, or hrbridge-something, they start with our prefix.
var serviceLink = regexp.MustCompile(`^HRBRIDGE_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

// fromKubernetes tells whether nobody meant the variable for us.
func fromKubernetes(name, value string) bool {
	if strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://") { // HRBRIDGE_PORT=tcp://10.0.0.1:8080
		return true
	}
	return serviceLink.MatchString(name)
}

// readEnviron makes a layer of the variables with our prefix.
func (l *loader) readEnviron(environ []string) layer {
	variables := make(map[string]string)
	for _, pair := range environ {
		name, text, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, envPrefix) {
			variables[name] = text // of a name given twice the last counts, as everywhere
		}
	}
	env := make(layer)
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		text := variables[name]
		k, ok := l.names.fromEnv(name)
		switch {
		case !ok && fromKubernetes(name, text):
			continue
		case !ok:
			remedy := didYouMean(name, l.names.variables, "_")
			if strings.HasPrefix(name, sourcesEnv) {
				remedy = "after " + sourcesEnv + " write the source's name and one of the settings of a source, such as " +
					sourcesEnv + "HRFLOW_SECRETS"
			}
			l.problem(Problem{Key: printable(name), Reason: "is not a variable that hrbridge knows", Remedy: remedy})
			continue
		}
		if other, ok := env[k]; ok {
			l.problem(Problem{Key: k, Origin: name, Reason: "is already given by " + other.Origin, Remedy: "unset one of the two"})
			continue
		}
		if source, _, ok := splitSource(k); ok {
			l.declared[source] = true
		}
		env[k] = &setting{Items: []string{text}, Origin: name}
	}
	return env
}
