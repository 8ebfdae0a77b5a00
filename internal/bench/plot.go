package main

import (
	"bytes"
	"fmt"
)

// plot draws the rows that compare variants as bars, each row to a scale of its
// own.
func (r *report) plot() []byte {
	const width, left, right, bar, gap = 860, 20, 130, 15, 26
	colors := map[string]string{ours: "#2a6fdb", oursStock: "#8fb4ee", rawDefault: "#9a9a9a", rawTuned: "#c9c9c9"}
	var b bytes.Buffer
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	y := 30
	for _, line := range r.Rows {
		if len(line.Values) < 2 {
			continue
		}
		most := 0.0
		for _, v := range line.Values {
			most = max(most, v)
		}
		p("<text x=\"%d\" y=\"%d\" font-weight=\"bold\">%s, %s</text>\n", left, y, line.Name, line.Unit)
		y += 8
		for _, variant := range variants {
			v, ok := line.Values[variant]
			if !ok {
				continue
			}
			length := 0.0
			if most > 0 {
				length = v / most * (width - left - right - 150)
			}
			p("<text x=\"%d\" y=\"%d\">%s</text>\n", left, y+bar-3, variant)
			p("<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", left+right, y, max(length, 1), bar-2, colors[variant])
			p("<text x=\"%.1f\" y=\"%d\">"+line.format+"</text>\n", float64(left+right)+length+6, y+bar-3, v)
			y += bar
		}
		y += gap
	}
	head := fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n", width, y, width, y)
	return []byte(head + b.String() + "</svg>\n")
}
