package schema

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

type profile struct {
	OldID               string       `json:"profile_id,omitempty"`
	OldReference        string       `json:"profile_reference,omitempty"`
	Key                 string       `json:"key,omitempty"`
	Reference           string       `json:"reference,omitempty"`
	Source              *source      `json:"source,omitempty"`
	Info                *info        `json:"info,omitempty"`
	TextLanguage        string       `json:"text_language,omitempty"`
	Text                string       `json:"text,omitempty"`
	Consent             *consent     `json:"consent_algorithmic,omitempty"`
	UpdatedAt           string       `json:"updated_at,omitempty"`
	CreatedAt           string       `json:"created_at,omitempty"`
	ExperiencesDuration float64      `json:"experiences_duration,omitempty"`
	EducationsDuration  float64      `json:"educations_duration,omitempty"`
	Experiences         []experience `json:"experiences,omitempty"`
	Educations          []education  `json:"educations,omitempty"`
	Skills              []term       `json:"skills,omitempty"`
	Languages           []term       `json:"languages,omitempty"`
	Interests           []term       `json:"interests,omitempty"`
	Tags                []term       `json:"tags,omitempty"`
}

type source struct {
	Key  string `json:"key"`
	Name string `json:"name"`
	Type string `json:"type"`
}

type info struct {
	FullName  string   `json:"full_name"`
	FirstName string   `json:"first_name"`
	LastName  string   `json:"last_name"`
	Email     string   `json:"email"`
	Phone     string   `json:"phone"`
	DateBirth string   `json:"date_birth"`
	Location  location `json:"location"`
	URLs      []string `json:"urls"`
	Picture   *string  `json:"picture"` // null, as HrFlow has it for most people
	Gender    *string  `json:"gender"`
	Summary   string   `json:"summary"`
}

type consent struct {
	Owner      map[string]bool `json:"owner"`
	Controller map[string]bool `json:"controller"`
}

type experience struct {
	Company     string   `json:"company"`
	Title       string   `json:"title"`
	Description string   `json:"description"`
	Location    location `json:"location"`
	DateStart   string   `json:"date_start"`
	DateEnd     string   `json:"date_end"`
	Skills      []term   `json:"skills"`
	Tasks       []term   `json:"tasks"`
}

type education struct {
	School      string   `json:"school"`
	Title       string   `json:"title"`
	Description string   `json:"description"`
	Location    location `json:"location"`
	DateStart   string   `json:"date_start"`
	DateEnd     string   `json:"date_end"`
}

// inventProfile makes up a person with a CV.
func inventProfile(r *rand.Rand, key string) *profile {
	created := inventTime(r)
	p := &profile{
		Key:          key,
		Reference:    fmt.Sprintf("candidate-%06d", r.IntN(1_000_000)),
		Source:       &source{Key: inventKey(r), Name: "Example careers page", Type: "api"},
		Info:         inventPerson(r),
		TextLanguage: "en",
		Consent:      &consent{Owner: map[string]bool{"parsing": true, "scoring": true}, Controller: map[string]bool{"parsing": true}},
		UpdatedAt:    created.Add(time.Hour).Format(timeLayout),
		CreatedAt:    created.Format(timeLayout),
		Skills:       inventTerms(r, skills[:], 3),
		Languages:    inventTerms(r, languages[:], 1),
		Interests:    inventTerms(r, interests[:], 1),
		Tags:         []term{{Name: "example", Value: "true"}},
	}
	for range 1 + r.IntN(3) {
		years := 1 + r.IntN(6)
		p.ExperiencesDuration += float64(years)
		p.Experiences = append(p.Experiences, inventExperience(r, created, years))
	}
	years := 2 + r.IntN(4)
	p.EducationsDuration = float64(years)
	p.Educations = []education{{
		School: pick(r, schools[:]), Title: pick(r, degrees[:]), Description: prose(r, 80), Location: pick(r, places[:]),
		DateStart: yearsBefore(created, 10+years), DateEnd: yearsBefore(created, 10),
	}}
	p.Text = p.curriculum() + prose(r, 200+r.IntN(3000))
	return p
}

func inventPerson(r *rand.Rand) *info {
	first, last := pick(r, givenNames[:]), pick(r, familyNames[:])
	return &info{
		FullName:  first + " " + last,
		FirstName: first,
		LastName:  last,
		Email:     fmt.Sprintf("%s.%d@example.org", strings.ToLower(last), r.IntN(1000)),
		Phone:     fmt.Sprintf("+33 1 99 00 %02d %02d", r.IntN(100), r.IntN(100)), // a range that France keeps for fiction
		DateBirth: yearsBefore(inventTime(r), 20+r.IntN(40)),
		Location:  pick(r, places[:]),
		URLs:      []string{"https://example.org/people/" + strings.ToLower(last)},
		Summary:   prose(r, 100),
	}
}

func inventExperience(r *rand.Rand, until time.Time, years int) experience {
	return experience{
		Company: pick(r, companies[:]), Title: pick(r, titles[:]), Description: prose(r, 100+r.IntN(200)), Location: pick(r, places[:]),
		DateStart: yearsBefore(until, years), DateEnd: until.Format(timeLayout),
		Skills: inventTerms(r, skills[:], 2), Tasks: inventTerms(r, tasks[:], 1),
	}
}

// curriculum is the head of the CV as text: the person, and what the person did.
func (p *profile) curriculum() string {
	var b strings.Builder
	fmt.Fprintf(&b, "CURRICULUM VITÆ\n%s\n%s\n%s\n\n", p.Info.FullName, p.Info.Email, p.Info.Phone)
	for _, e := range p.Experiences {
		fmt.Fprintf(&b, "%s, %s – %s\n", e.Title, e.Company, e.Location.Text)
	}
	return b.String()
}

// slim leaves who the person is.
func (p *profile) slim() {
	*p = profile{OldID: p.OldID, OldReference: p.OldReference, Key: p.Key, Reference: p.Reference, Source: p.Source, Info: p.Info}
}
