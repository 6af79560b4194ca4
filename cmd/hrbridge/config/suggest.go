package config

import "strings"

// nearest is the name among names that was probably meant by s, or "": the one with the same last word, as when a section was
// forgotten, else the one with the fewest slips, where those are few.
func nearest(s string, names []string, separator string) string {
	if len(s) > longestShown {
		return ""
	}
	last := func(name string) string { return name[strings.LastIndex(name, separator)+1:] }
	best, fewest := "", len(s)/3+1
	for _, name := range names {
		if d := slips(s, name); d < fewest {
			best, fewest = name, d
		}
	}
	if best != "" {
		return best
	}
	var same []string
	for _, name := range names {
		if last(name) == last(s) {
			same = append(same, name)
		}
	}
	if len(same) == 1 {
		return same[0]
	}
	return ""
}

// slips is how many letters have to be put in, left out or replaced to make b of a (the Levenshtein distance).
func slips(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// didYouMean is the remedy for a name that does not exist.
func didYouMean(s string, names []string, separator string) string {
	if name := nearest(s, names, separator); name != "" {
		return "did you mean " + name + "?"
	}
	return "see 'hrbridge config --keys' for those that do"
}
