package ingress

import (
	"fmt"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"hrbridge/bridge"
)

const (
	unknownSource = "unknown" // the source of requests that named none that is configured
	otherType     = "other"   // the type of events outside the catalogue
)

// outcome is what became of an event. The set is closed: it is a metric's label.
type outcome int

const (
	published outcome = iota
	deadLettered
	refused
	outcomes
)

var outcomeNames = [outcomes]string{"published", "dead_lettered", "refused"}

// Why a signature was not accepted. The set is closed: it is a metric's label.
const (
	reasonMissing   = "missing"
	reasonRepeated  = "repeated"
	reasonMalformed = "malformed"
	reasonFormOff   = "form_off"
	reasonMismatch  = "mismatch"
)

// metrics are what the ingress counts. No label comes from a request: sources and types are those that are configured.
type metrics struct {
	deliveries      *prometheus.CounterVec
	events          *prometheus.CounterVec
	deadLetters     *prometheus.CounterVec
	failures        *prometheus.CounterVec
	received        *prometheus.CounterVec
	duration        *prometheus.HistogramVec
	publishDuration *prometheus.HistogramVec
	droppedLines    prometheus.Counter

	types     []string // the labels, otherType last
	typeIndex map[bridge.Type]int
}

func newMetrics(o Options, conns *connections, registry prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		deliveries:  counters("hrbridge_deliveries_total", "Requests answered.", "source", "status"),
		events:      counters("hrbridge_events_total", "Events of deliveries that were verified, by what became of them.", "source", "type", "outcome"),
		deadLetters: counters("hrbridge_dead_letters_total", "Events of deliveries that went to the dead-letter topic, by why.", "source", "reason"),
		failures:    counters("hrbridge_verification_failures_total", "Signatures that were not accepted.", "source", "reason"),
		received:    counters("hrbridge_received_bytes_total", "Bytes of bodies, and of signatures that carry the document, as they came.", "source"),
		duration: histograms("hrbridge_delivery_duration_seconds", "Time from a request's header to its answer.",
			[]float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}),
		publishDuration: histograms("hrbridge_publish_duration_seconds", "Time that the publishing of a delivery's events took, failures included.",
			[]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}),
		droppedLines: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hrbridge_log_lines_dropped_total", Help: "Log lines left out because the same failure was logged often just before.",
		}),
		typeIndex: make(map[bridge.Type]int, len(o.KnownTypes)),
	}
	for _, name := range o.KnownTypes {
		m.typeIndex[bridge.Type(name)] = len(m.types)
		m.types = append(m.types, name)
	}
	m.types = append(m.types, otherType)
	for _, source := range o.Sources {
		m.received.WithLabelValues(source.Name)
		for _, reason := range []string{reasonMissing, reasonRepeated, reasonMalformed, reasonFormOff, reasonMismatch} {
			m.failures.WithLabelValues(source.Name, reason)
		}
		for _, reason := range bridge.Reasons() {
			m.deadLetters.WithLabelValues(source.Name, string(reason))
		}
	}
	inFlight := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "hrbridge_in_flight_bytes", Help: "Bytes held for bodies and headers on their way.",
	}, func() float64 { return float64(conns.budget.held.Load()) })
	open := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "hrbridge_connections", Help: "Connections open to the ingress.",
	}, func() float64 { return float64(conns.count()) })
	for _, c := range []prometheus.Collector{m.deliveries, m.events, m.deadLetters, m.failures, m.received, m.duration, m.publishDuration, m.droppedLines, inFlight, open} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("register the ingress's metrics: %w", err)
		}
	}
	return m, nil
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func histograms(name, help string, buckets []float64) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{"source"})
}

// answered counts a request.
func (m *metrics) answered(source string, status int) {
	m.deliveries.WithLabelValues(source, strconv.Itoa(status)).Inc()
}

// count counts the events of a delivery: each by its reason where they were published, and all as refused where not.
func (m *metrics) count(source string, events []bridge.Event, durable bool) {
	tally := make([][outcomes]int, len(m.types))
	for i := range events {
		of, ok := m.typeIndex[events[i].Type]
		if !ok {
			of = len(m.types) - 1
		}
		switch {
		case !durable:
			tally[of][refused]++
		case events[i].Reason != "":
			tally[of][deadLettered]++
			m.deadLetters.WithLabelValues(source, string(events[i].Reason)).Inc()
		default:
			tally[of][published]++
		}
	}
	for of, counts := range tally {
		for became, n := range counts {
			if n > 0 {
				m.events.WithLabelValues(source, m.types[of], outcomeNames[became]).Add(float64(n))
			}
		}
	}
}
