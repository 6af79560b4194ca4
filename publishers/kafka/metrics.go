package kafka

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	messages, duration prometheus.Histogram
	connected          prometheus.Gauge
	reconnects         prometheus.Counter
}

func measure(registerer prometheus.Registerer) metrics {
	register := promauto.With(registerer)
	return metrics{
		messages: register.NewHistogram(prometheus.HistogramOpts{
			Name: "hrbridge_commit_messages", Help: "Messages in one commit.", Buckets: prometheus.ExponentialBuckets(1, 2, 15),
		}),
		duration: register.NewHistogram(prometheus.HistogramOpts{
			Name: "hrbridge_commit_duration_seconds", Help: "Time from a commit's first byte to its answer.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15),
		}),
		connected: register.NewGauge(prometheus.GaugeOpts{
			Name: "hrbridge_broker_connected", Help: "1 while the broker is connected.",
		}),
		reconnects: register.NewCounter(prometheus.CounterOpts{
			Name: "hrbridge_broker_reconnects_total", Help: "Connections to the broker after the first.",
		}),
	}
}

func (p *Publisher) observe(messages int, took time.Duration) {
	p.metrics.messages.Observe(float64(messages))
	p.metrics.duration.Observe(took.Seconds())
}
