package lint

import (
	"go/ast"
	"regexp"
	"slices"
	"testing"
)

// Everything that others can use is documented.
func TestExportedNamesHaveComments(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if name := undocumented(d); name != nil {
				t.Errorf("%v: %s has no comment", s.set.Position(name.Pos()), name.Name)
			}
		}
	}
}

// undocumented returns the first exported name of the declaration that lacks a
// comment. Constants and variables may share their group's.
func undocumented(d ast.Decl) *ast.Ident {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || exportedReceiver(d)) && !saysItAll(d) {
			return d.Name
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if spec.Name.IsExported() && d.Doc == nil && spec.Doc == nil {
					return spec.Name
				}
			case *ast.ValueSpec:
				if spec.Names[0].IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
					return spec.Names[0]
				}
			}
		}
	}
	return nil
}

func exportedReceiver(d *ast.FuncDecl) bool {
	kind := d.Recv.List[0].Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	name, ok := kind.(*ast.Ident)
	return ok && name.IsExported()
}

// saysItAll reports whether the method's name is all there is to say.
func saysItAll(d *ast.FuncDecl) bool {
	return d.Recv != nil && slices.Contains([]string{"String", "Error", "Unwrap"}, d.Name.Name)
}

// What is in the tree is finished.
func TestNothingIsLeftToDo(t *testing.T) {
	unfinished := regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b`)
	for _, s := range sources(t) {
		for _, group := range s.file.Comments {
			if unfinished.MatchString(group.Text()) {
				t.Errorf("%v: %s", s.set.Position(group.Pos()), group.Text())
			}
		}
	}
}
