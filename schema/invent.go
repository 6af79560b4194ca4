package schema

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// timeLayout is how HrFlow writes a time: ISO 8601, but no colon in the offset.
const timeLayout = "2006-01-02T15:04:05-0700"

type location struct {
	Text string  `json:"text"`
	Lat  float64 `json:"lat"`
	Lng  float64 `json:"lng"`
}

type term struct {
	Name  string  `json:"name"`
	Type  *string `json:"type"` // null, as HrFlow has it unless the term is known to it
	Value string  `json:"value"`
}

// What people and jobs are made up of. Nobody is called so; the names say that they are examples.
var (
	origins     = [...]string{"api", "web"}
	stages      = [...]string{"new", "interview", "offer", "hired", "rejected"}
	givenNames  = [...]string{"Ada", "Blaise", "Chloé", "Dmitri", "Elif", "Fatou", "Gábor", "Hana", "Ines", "Jörg", "Kenji", "Łucja"}
	familyNames = [...]string{"Example", "Sample", "Specimen", "Placeholder", "Invented"}
	companies   = [...]string{"Example & Sons", "Sample Industries", "Placeholder GmbH", "Invented Works", "Fictional Bank"}
	schools     = [...]string{"University of Example", "Sample Institute of Technology", "École Fictive"}
	degrees     = [...]string{"BSc Mathematics", "MSc Computer Science", "Diploma of Nursing", "MA History"}
	titles      = [...]string{"Software Engineer", "Nurse", "Welder", "Accountant", "Data Analyst", "Site Manager", "Teacher"}
	skills      = [...]string{"go", "python", "sql", "first aid", "welding", "bookkeeping", "forklift", "public speaking"}
	languages   = [...]string{"english", "french", "german", "arabic", "japanese"}
	interests   = [...]string{"chess", "rowing", "gardening", "choir"}
	tasks       = [...]string{"plan the week", "write reports", "train newcomers", "keep the stock", "answer customers"}
	sections    = [...]string{"The job", "What you bring", "What we offer"}
	places      = [...]location{
		{"Paris, France", 48.8566, 2.3522}, {"Lyon, France", 45.764, 4.8357}, {"Berlin, Germany", 52.52, 13.405},
		{"Casablanca, Morocco", 33.5731, -7.5898}, {"Montréal, Canada", 45.5019, -73.5674},
	}
	// sentences are plain ASCII without anything that JSON escapes: prose counts on it.
	sentences = [...]string{
		"Led a team of four through a change of systems without a day of standstill.",
		"Looked after twelve patients on a night shift and wrote the handover.",
		"Reduced the time from order to delivery by a third.",
		"Kept the books of three branches and closed each month on the second day.",
		"Built and ran a service that answers two thousand requests a second.",
		"Trained newcomers, wrote the manual they learn from, and kept it true.",
		"Welded pressure vessels to standard and passed every inspection.",
		"Taught mathematics to classes of thirty, and chess after school.",
	}
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// inventKey is a key as HrFlow makes them: 40 digits of hex.
func inventKey(r *rand.Rand) string {
	return fmt.Sprintf("%016x%016x%08x", r.Uint64(), r.Uint64(), r.Uint32())
}

// inventTime is a time in 2024 or 2025: not taken from a clock, so that a seed gives the same event for ever.
func inventTime(r *rand.Rand) time.Time {
	return time.Date(2024, time.January, 1, 0, 0, r.IntN(2*365*24*3600), 0, time.UTC)
}

func yearsBefore(t time.Time, years int) string { return t.AddDate(-years, 0, 0).Format(timeLayout) }

// inventTerms is at least n of the names, in a row from a random one on.
func inventTerms(r *rand.Rand, names []string, n int) []term {
	terms := make([]term, n+r.IntN(len(names)-n+1))
	first := r.IntN(len(names))
	for i := range terms {
		terms[i] = term{Name: names[(first+i)%len(names)], Value: strconv.Itoa(1 + r.IntN(5))}
	}
	return terms
}

// prose is lines of text that take n bytes inside a JSON string, where a line's end takes two.
func prose(r *rand.Rand, n int) string {
	var b strings.Builder
	for n > 0 {
		sentence := pick(r, sentences[:])
		if len(sentence)+2 > n {
			b.WriteString((sentence + " ")[:n])
			break
		}
		b.WriteString(sentence)
		b.WriteByte('\n')
		n -= len(sentence) + 2
	}
	return b.String()
}
