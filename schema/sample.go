package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
)

// SampleOptions shape a sample. The zero value leaves everything to chance.
type SampleOptions struct {
	// Size is how many bytes the event is to have; 0 for what comes by itself, 1 to 8 KiB. An event is never cut: one that
	// needs more than Size even without its lists, some 600 bytes, stays larger.
	Size int
	// Key is the key of the profile, or of the job where there is no profile; "" for a random one.
	Key string
	// Message is what the event's member "message" says; "" for what fits the type.
	Message string
}

// event is one element of a delivery's array, as HrFlow writes it.
type event struct {
	Type    string   `json:"type"`
	Origin  string   `json:"origin"`
	Message string   `json:"message"`
	Profile *profile `json:"profile,omitempty"`
	Job     *job     `json:"job,omitempty"`
	Agent   *named   `json:"agent,omitempty"`
	Filter  *named   `json:"filter,omitempty"`
	Stage   string   `json:"stage,omitempty"`
	Rating  float64  `json:"rating,omitempty"`
	Score   float64  `json:"score,omitempty"`
}

// named is an object of which no more is known than that it has a key and a name.
type named struct {
	Key  string `json:"key"`
	Name string `json:"name"`
}

// Sample makes up an event of a type: compact JSON about an invented person or job, the same for the same state of r. The
// samples of documented types keep to their Schema. The type need not be in the catalogue, but its object has to be one of
// profile, job, action, agent and filter.
func Sample(eventType string, r *rand.Rand, o SampleOptions) ([]byte, error) {
	e, err := invent(eventType, r, o.Key)
	if err != nil {
		return nil, err
	}
	if o.Message != "" {
		e.Message = o.Message
	}
	if o.Size <= 0 {
		return json.Marshal(e)
	}
	return e.sized(r, o.Size)
}

// sized is the event as JSON of size bytes, or of a few more where it cannot be made so small.
func (e *event) sized(r *rand.Rand, size int) ([]byte, error) {
	text, err := e.padded(" ")
	if err == nil && len(text) > size {
		e.slim()
		text, err = e.padded(" ")
	}
	if missing := size - len(text); err == nil && missing > 0 {
		return e.padded(prose(r, missing))
	}
	return text, err
}

// invent makes up all that an event of a type carries.
func invent(eventType string, r *rand.Rand, key string) (*event, error) {
	object, rest, _ := strings.Cut(eventType, ".")
	action, status, _ := strings.Cut(rest, ".")
	if key == "" {
		key = inventKey(r)
	}
	e := &event{
		Type:    eventType,
		Origin:  pick(r, origins[:]),
		Message: fmt.Sprintf("%s %s: %s", object, action, status),
	}
	switch object {
	case "profile":
		e.Profile = inventProfile(r, key)
		if action == "parse" || action == "score" {
			e.Profile = &profile{OldID: key, OldReference: e.Profile.Reference}
		}
	case "job":
		e.Job = inventJob(r, key)
	case "action":
		e.Profile, e.Job = inventProfile(r, key), inventJob(r, inventKey(r))
		e.Job.slim()
	case "agent":
		e.Agent = &named{Key: key, Name: "Example agent"}
	case "filter":
		e.Filter = &named{Key: key, Name: "Example filter"}
	default:
		return nil, errors.New("make a sample of an event: its object is none of profile, job, action, agent, filter")
	}
	switch action {
	case "stage":
		e.Stage = pick(r, stages[:])
	case "rating":
		e.Rating = float64(1 + r.IntN(5))
	case "score":
		e.Score = float64(1+r.IntN(100)) / 100
	}
	return e, nil
}

// slim takes away what an event can do without, so that a small one can be made.
func (e *event) slim() {
	if e.Profile != nil {
		e.Profile.slim()
	}
	if e.Job != nil {
		e.Job.slim()
	}
}

// padded is the event as JSON after text was added where an event of its kind has much of it.
func (e *event) padded(text string) ([]byte, error) {
	switch {
	case e.Profile != nil:
		e.Profile.Text += text
	case e.Job != nil:
		e.Job.Summary += text
	default:
		e.Message += text
	}
	return json.Marshal(e)
}
