package kafka

import (
	"math"
	"testing"
)

// gave is a cluster that has given this producer id.
func gave(id int64) *producers {
	p := newProducers(nil, nil)
	p.id = id
	return p
}

func wantNext(t *testing.T, s *sequence, p *producers, n int, want identity) {
	t.Helper()
	got, err := s.next(t.Context(), p, n)
	if err != nil || got != want {
		t.Errorf("the next place is %+v, %v; want %+v", got, err, want)
	}
}

func TestPlacesFollowOneAnother(t *testing.T) {
	t.Parallel()
	s := newSequence()
	wantNext(t, &s, gave(7), 3, identity{7, 0, 0})
	wantNext(t, &s, gave(7), 3, identity{7, 0, 0}) // what was certainly not stored took no place
	s.taken(3)
	wantNext(t, &s, gave(7), 5, identity{7, 0, 3})
}

func TestAPlaceInDoubtIsNeverGivenAway(t *testing.T) {
	t.Parallel()
	s := newSequence()
	wantNext(t, &s, gave(7), 3, identity{7, 0, 0})
	s.taken(3)
	wantNext(t, &s, gave(7), 2, identity{7, 0, 3})
	s.doubt()
	wantNext(t, &s, gave(7), 2, identity{7, 1, 0})
	s.taken(2)
	wantNext(t, &s, gave(7), 2, identity{7, 1, 2})
}

func TestPlacesAndEpochsThatRunOutBeginAnew(t *testing.T) {
	t.Parallel()
	s := newSequence()
	wantNext(t, &s, gave(7), 1, identity{7, 0, 0})
	s.id.sequence = math.MaxInt32 - 2
	wantNext(t, &s, gave(7), 2, identity{7, 0, math.MaxInt32 - 2})
	wantNext(t, &s, gave(7), 3, identity{7, 1, 0})
	s.id.epoch = math.MaxInt16 - 1
	s.doubt()
	wantNext(t, &s, gave(8), 3, identity{8, 0, 0})
}

func TestAProducerThatIsSpentIsNotTakenAgain(t *testing.T) {
	t.Parallel()
	s := newSequence()
	wantNext(t, &s, gave(7), 1, identity{7, 0, 0})
	s.forget()
	wantNext(t, &s, gave(9), 1, identity{9, 0, 0})
	if s.spent != 7 {
		t.Errorf("the spent producer is %d", s.spent)
	}
}
