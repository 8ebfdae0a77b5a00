package settings

import "strings"

// nearest returns the candidate that the fewest keystrokes turn word into; ""
// if there is none.
func nearest(word string, candidates []string) string {
	return best(candidates, func(c string) int { return distance(word, c) })
}

// nearestKey is nearest for keys of the file: a right name in the wrong section
// is one mistake.
func nearestKey(key string, keys []string) string {
	name := key[strings.LastIndexByte(key, '.')+1:]
	return best(keys, func(k string) int {
		misplaced := 1 + distance(name, k[strings.LastIndexByte(k, '.')+1:])
		return min(distance(key, k), misplaced)
	})
}

func best(candidates []string, cost func(string) int) (found string) {
	least := -1
	for _, c := range candidates {
		if d := cost(c); least < 0 || d < least {
			found, least = c, d
		}
	}
	return found
}

// longest bounds the work on a name that somebody else wrote.
const longest = 100

// distance counts the letters to add, drop, change or swap with the next
// ("optimal string alignment"); the case of a letter counts as nothing.
func distance(a, b string) int {
	a, b = strings.ToLower(a[:min(len(a), longest)]), strings.ToLower(b[:min(len(b), longest)])
	var before, above []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, above, row = above, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			row[j+1] = min(above[j+1]+1, row[j]+1, above[j]+change)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
