package spool

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the spool's. Everything but the depth is counted in events.
type metrics struct {
	spooled, drained, repeats, lost prometheus.Counter
	letters                         *prometheus.CounterVec
	all                             []prometheus.Collector
}

func newMetrics(registerer prometheus.Registerer, a *account) metrics {
	var m metrics
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "hrbridge_spool_" + name, Help: help})
		m.all = append(m.all, c)
		return c
	}
	gauge := func(name, help string, of func(depth) float64) {
		m.all = append(m.all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "hrbridge_spool_" + name, Help: help},
			func() float64 { return of(a.depth()) }))
	}
	m.spooled = counter("spooled_total", "Events put into the spool.")
	m.drained = counter("drained_total", "Events that left the spool for the broker, dead letters included.")
	m.repeats = counter("repeats_total", "Events handed to the broker again because it may or may not have them.")
	m.lost = counter("lost_total", "Events that the spool took and cannot read any more: its files are damaged.")
	m.letters = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "hrbridge_spool_dead_lettered_total", Help: "Events of the spool that the broker refused for good, by reason.",
	}, []string{"reason"})
	m.all = append(m.all, m.letters)
	gauge("events", "Events that wait in the spool.", func(d depth) float64 { return float64(d.events) })
	gauge("records", "Records that the events in the spool are packed into.", func(d depth) float64 { return float64(d.records) })
	gauge("bytes", "Bytes of the records in the spool.", func(d depth) float64 { return float64(d.bytes) })
	gauge("age_seconds", "How long the oldest event in the spool has waited.", func(d depth) float64 { return d.age.Seconds() })
	if registerer != nil {
		registerer.MustRegister(m.all...)
	}
	return m
}
