package schema

import (
	"fmt"
	"math/rand/v2"
	"time"
)

type job struct {
	Key       string    `json:"key"`
	Reference string    `json:"reference"`
	Board     board     `json:"board"`
	Name      string    `json:"name"`
	URL       string    `json:"url,omitempty"`
	Summary   string    `json:"summary,omitempty"`
	Location  *location `json:"location,omitempty"`
	UpdatedAt string    `json:"updated_at,omitempty"`
	CreatedAt string    `json:"created_at,omitempty"`
	Sections  []section `json:"sections,omitempty"`
	Skills    []term    `json:"skills,omitempty"`
	Languages []term    `json:"languages,omitempty"`
	Tasks     []term    `json:"tasks,omitempty"`
	Tags      []term    `json:"tags,omitempty"`
	Salaries  []span    `json:"ranges_float,omitempty"`
}

type board struct {
	Key  string `json:"key"`
	Name string `json:"name"`
}

type section struct {
	Name        string `json:"name"`
	Title       string `json:"title"`
	Description string `json:"description"`
}

type span struct {
	Name string  `json:"name"`
	Min  float64 `json:"value_min"`
	Max  float64 `json:"value_max"`
	Unit string  `json:"unit"`
}

// inventJob makes up a job of an invented company.
func inventJob(r *rand.Rand, key string) *job {
	created := inventTime(r)
	place := pick(r, places[:])
	salary := float64(30+r.IntN(50)) * 1000
	j := &job{
		Key:       key,
		Reference: fmt.Sprintf("opening-%06d", r.IntN(1_000_000)),
		Board:     board{Key: inventKey(r), Name: "Example job board"},
		Name:      pick(r, titles[:]) + " at " + pick(r, companies[:]),
		URL:       "https://example.org/jobs/" + key,
		Summary:   prose(r, 200+r.IntN(400)),
		Location:  &place,
		UpdatedAt: created.Add(time.Hour).Format(timeLayout),
		CreatedAt: created.Format(timeLayout),
		Skills:    inventTerms(r, skills[:], 3),
		Languages: inventTerms(r, languages[:], 1),
		Tasks:     inventTerms(r, tasks[:], 2),
		Tags:      []term{{Name: "example", Value: "true"}},
		Salaries:  []span{{Name: "salary", Min: salary, Max: salary + 10_000, Unit: "eur"}},
	}
	for _, title := range sections {
		j.Sections = append(j.Sections, section{Name: "example", Title: title, Description: prose(r, 100+r.IntN(800))})
	}
	return j
}

// slim leaves what tells one job from another.
func (j *job) slim() {
	*j = job{Key: j.Key, Reference: j.Reference, Board: j.Board, Name: j.Name}
}
