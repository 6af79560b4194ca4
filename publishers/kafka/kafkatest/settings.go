package kafkatest

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// clusterID is the same for all: what matters is that the brokers of one cluster, and its data, agree.
const clusterID = "aHJicmlkZ2Uta2Fma2EtMQ"

// properties are the settings of broker i, as its file has them.
func (c *Cluster) properties(i int) string {
	b, n := c.brokers[i], strconv.Itoa(len(c.brokers))
	voters := make([]string, len(c.brokers))
	for j, other := range c.brokers {
		voters[j] = fmt.Sprintf("%d@%s", j, other.controller)
	}
	settings := map[string]string{
		"process.roles": "broker,controller", "node.id": strconv.Itoa(i), "controller.quorum.voters": strings.Join(voters, ","),
		"listeners":            fmt.Sprintf("CLIENT://%s,INTERNAL://%s,CONTROLLER://%s", b.address, b.internal, b.controller),
		"advertised.listeners": fmt.Sprintf("CLIENT://%s,INTERNAL://%s", c.addresses[i], b.internal),
		"listener.security.protocol.map": fmt.Sprintf("CLIENT:%s,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
			cmp.Or(c.options.Security, "PLAINTEXT")),
		"inter.broker.listener.name": "INTERNAL", "controller.listener.names": "CONTROLLER",
		"log.dirs": filepath.Join(b.dir, "data"),

		"auto.create.topics.enable": "false", "default.replication.factor": n, "min.insync.replicas": "1",
		"offsets.topic.replication.factor": n, "offsets.topic.num.partitions": "1",
		"transaction.state.log.replication.factor": n, "transaction.state.log.min.isr": "1", "transaction.state.log.num.partitions": "1",

		// Small and quick: a broker that is gone is noticed within seconds, and little memory is set aside.
		"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500", "group.initial.rebalance.delay.ms": "0",
		"log.cleaner.dedupe.buffer.size": "2097152", "num.network.threads": "2", "num.io.threads": "4",
	}
	if c.options.Lasting {
		delete(settings, "num.network.threads")
		delete(settings, "num.io.threads")
	}
	if len(c.brokers) > 1 {
		settings["min.insync.replicas"] = "2"
	}
	if len(c.options.Users) > 0 {
		maps.Copy(settings, loginSettings(c.options.Users))
	}
	if strings.HasSuffix(c.options.Security, "SSL") {
		maps.Copy(settings, c.certificates.settings())
	}
	if c.options.Authorize {
		settings["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
		settings["super.users"] = "User:ANONYMOUS" // who does not log in: the cluster itself
	}
	maps.Copy(settings, c.options.Settings)

	var file strings.Builder
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&file, "%s=%s\n", key, strings.ReplaceAll(settings[key], `\`, `\\`))
	}
	return file.String()
}

// loginSettings let the users log in on the listener for clients.
func loginSettings(users map[string]string) map[string]string {
	var plain strings.Builder
	plain.WriteString("org.apache.kafka.common.security.plain.PlainLoginModule required")
	for _, user := range slices.Sorted(maps.Keys(users)) {
		fmt.Fprintf(&plain, " user_%s=%q", user, users[user])
	}
	const scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
	return map[string]string{
		"listener.name.client.sasl.enabled.mechanisms":        "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
		"listener.name.client.plain.sasl.jaas.config":         plain.String() + ";",
		"listener.name.client.scram-sha-256.sasl.jaas.config": scram,
		"listener.name.client.scram-sha-512.sasl.jaas.config": scram,
	}
}

// scram are the arguments that tell the format of the data of the users' passwords.
func scram(users map[string]string) []string {
	var args []string
	for _, user := range slices.Sorted(maps.Keys(users)) {
		for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
			args = append(args, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, user, users[user]))
		}
	}
	return args
}
