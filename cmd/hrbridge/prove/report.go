package prove

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Report is what a run or an audit came to.
type Report struct {
	Run       string    `json:"run"`
	Source    string    `json:"source"`
	Publisher string    `json:"publisher"`
	File      string    `json:"file"` // of the obligations
	Began     time.Time `json:"began"`
	Ended     time.Time `json:"ended"`
	// Proven tells that nothing is wrong, and Faults what is.
	Proven bool     `json:"proven"`
	Faults []string `json:"faults"`
	// Notes are some of the events that are wrong, by number and place.
	Notes       []string `json:"notes"`
	Interrupted bool     `json:"interrupted"`
	// Sent is how the sending went; nil where obligations were only audited.
	Sent   *Sent  `json:"sent,omitempty"`
	Events Events `json:"events"`
	Forged Forged `json:"forged"`
	// Torn is how many bytes at the end of a file of obligations were not written to their end.
	Torn int64 `json:"torn_bytes"`
}

// Sent is how sending went.
type Sent struct {
	Seconds         float64 `json:"seconds"`
	EventsPerSecond float64 `json:"events_per_second"` // acknowledged
	Deliveries      int64   `json:"deliveries_acknowledged"`
	// Refused are answers other than 2xx, Statuses how many there were of each.
	Refused       int64       `json:"answers_refused"`
	Statuses      map[int]int `json:"refused_by_status"`
	Unanswered    int64       `json:"unanswered"`
	Retried       int64       `json:"retried"`
	GivenUp       int64       `json:"deliveries_given_up"`
	Repeats       int64       `json:"redeliveries"`
	RepeatsTaken  int64       `json:"redeliveries_taken"`
	WrongReceipts int64       `json:"wrong_receipts"`
	Answer        Times       `json:"answer_ms"`
	EndToEnd      Times       `json:"end_to_end_ms"`
}

// Times are durations in milliseconds: within P50 lies half of them.
type Times struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

func timesOf(h *histogram) Times {
	ms := func(part float64) float64 { return float64(h.quantile(part).Microseconds()) / 1000 }
	return Times{P50: ms(0.5), P99: ms(0.99), P999: ms(0.999), Max: ms(1)}
}

// Events are what became of a run's events.
type Events struct {
	Sent         int `json:"sent"` // 0 where only a file of obligations is known
	Acknowledged int `json:"acknowledged"`
	// Stored are those of the acknowledged that the broker has, Lost those that it has not, of which the subscriber had seen
	// LostAfterSeen.
	Stored        int `json:"stored"`
	Lost          int `json:"lost"`
	LostAfterSeen int `json:"lost_after_seen"`
	// Doubled are stored once more although the broker drops repeats, StoredAgain where it does not, or not any more. Unasked
	// are those of the latter whose delivery was sent once.
	Doubled     int `json:"doubled"`
	StoredAgain int `json:"stored_again"`
	Unasked     int `json:"stored_again_unasked"`
	Altered     int `json:"altered"`
	Misrouted   int `json:"misrouted"`
	OutOfOrder  int `json:"out_of_order"`
	// Unacknowledged are stored although no 2xx came, which is allowed.
	Unacknowledged int `json:"unacknowledged_stored"`
}

// Forged are the deliveries with a wrong signature: how many there were, were answered 401, were taken, and how many records
// of them are on the broker.
type Forged struct {
	Sent    int64 `json:"sent"`
	Refused int64 `json:"refused"`
	Taken   int64 `json:"taken"`
	Found   int   `json:"found"`
}

// judge fills in what is wrong.
func (r *Report) judge() {
	r.Faults = []string{}
	r.Notes = append([]string{}, r.Notes...)
	fault := func(n int64, what string) {
		if n > 0 {
			r.Faults = append(r.Faults, fmt.Sprintf("%d %s", n, what))
		}
	}
	e := r.Events
	fault(int64(e.Lost), "lost")
	fault(int64(e.Altered), "altered")
	fault(int64(e.Misrouted), "misrouted")
	fault(int64(e.OutOfOrder), "out of order")
	fault(int64(e.Doubled), "doubled within the broker's window")
	fault(int64(r.Forged.Found), "forged ones found")
	fault(r.Forged.Taken, "forged deliveries answered 2xx")
	if r.Sent != nil {
		fault(r.Sent.WrongReceipts, "answers 2xx whose receipt does not fit the delivery")
	}
	if e.Acknowledged == 0 {
		r.Faults = append(r.Faults, "nothing was acknowledged, so nothing is proven")
	}
	r.Proven = len(r.Faults) == 0
}

// Err is an error about what is wrong; nil where nothing is.
func (r *Report) Err() error {
	if r.Proven {
		return nil
	}
	return errors.New("not proven: " + strings.Join(r.Faults, ", "))
}
