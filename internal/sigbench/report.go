package sigbench

import (
	"encoding/json"
	"fmt"
	"io"
)

// Figure is one measurement of one server.
type Figure struct {
	Row   string
	Unit  string
	Value float64
}

// Report is what was measured, row by row.
type Report struct {
	Servers []string `json:"servers"`
	Hold    float64  `json:"hold_seconds"`
	Rows    []Row    `json:"rows"`
}

// Row is one line: a value for each server.
type Row struct {
	Name   string             `json:"name"`
	Unit   string             `json:"unit"`
	Values map[string]float64 `json:"values"`
}

func (r *Report) add(server string, f Figure) {
	for _, row := range r.Rows {
		if row.Name == f.Row {
			row.Values[server] = f.Value
			return
		}
	}
	r.Rows = append(r.Rows, Row{Name: f.Row, Unit: f.Unit, Values: map[string]float64{server: f.Value}})
}

// Value returns a server's value of a row.
func (r *Report) Value(row, server string) (float64, bool) {
	for _, candidate := range r.Rows {
		if candidate.Name == row {
			v, ok := candidate.Values[server]
			return v, ok
		}
	}
	return 0, false
}

// Table writes the report as a Markdown table.
func (r *Report) Table(w io.Writer) error {
	head, rule := "| | unit |", "|---|---|"
	for _, s := range r.Servers {
		head += " " + s + " |"
		rule += "---|"
	}
	lines := head + "\n" + rule + "\n"
	for _, row := range r.Rows {
		lines += "| " + row.Name + " | " + row.Unit + " |"
		for _, s := range r.Servers {
			lines += fmt.Sprintf(" %s |", number(row.Values[s]))
		}
		lines += "\n"
	}
	if _, err := io.WriteString(w, lines); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	return nil
}

func number(v float64) string {
	if v >= 100 || v <= -100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.1f", v)
}

// JSON writes the report.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}
