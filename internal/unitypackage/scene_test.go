//go:build linux

package unitypackage

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// object is one of a scene's: its class, its number, and its fields.
type object struct {
	class, kind string
	fields      map[string]any
}

// The classes of Unity's YAML that the scene has (docs.unity3d.com, "YAML Class
// ID Reference").
var classes = map[string]string{
	"1": "GameObject", "4": "Transform", "20": "Camera", "29": "OcclusionCullingSettings", "81": "AudioListener",
	"104": "RenderSettings", "114": "MonoBehaviour", "157": "LightmapSettings", "196": "NavMeshSettings",
	"1045": "EditorBuildSettings",
}

// scene reads Unity's YAML: a stream of documents whose tags are class ids and
// whose anchors are fileIDs.
func scene(t *testing.T, file string) map[string]object {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// In quotes, so that no GUID is taken for a number.
	text = regexp.MustCompile(`guid: ([0-9a-f]{32})`).ReplaceAll(text, []byte(`guid: "$1"`))
	head, rest, ok := strings.Cut(string(text), "--- ")
	if !ok || head != "%YAML 1.1\n%TAG !u! tag:unity3d.com,2011:\n" {
		t.Fatalf("%s does not begin as Unity's YAML does", file)
	}
	begin := regexp.MustCompile(`^!u!(\d+) &(\d+)\n`)
	objects := map[string]object{}
	for _, document := range strings.Split("\n--- "+rest, "\n--- ")[1:] {
		m := begin.FindStringSubmatch(document)
		if m == nil {
			t.Fatalf("%s: a document begins with %.40q", file, document)
		}
		var body map[string]map[string]any
		if err := yaml.Unmarshal([]byte(document[len(m[0]):]), &body); err != nil || len(body) != 1 {
			t.Fatalf("%s, object %s: %d bodies, %v", file, m[2], len(body), err)
		}
		if _, twice := objects[m[2]]; twice {
			t.Errorf("%s has two objects %s", file, m[2])
		}
		for kind, fields := range body {
			if classes[m[1]] != kind {
				t.Errorf("%s: object %s is of class %s and called %s", file, m[2], m[1], kind)
			}
			objects[m[2]] = object{m[1], kind, fields}
		}
	}
	return objects
}

// references visits every {fileID, guid} in a value.
func references(value any, visit func(id, guid string)) {
	switch v := value.(type) {
	case map[string]any:
		if id, ok := v["fileID"]; ok {
			guid, _ := v["guid"].(string)
			visit(asText(id), guid)
			return
		}
		for _, inner := range v {
			references(inner, visit)
		}
	case []any:
		for _, inner := range v {
			references(inner, visit)
		}
	}
}

func asText(value any) string {
	text, err := yaml.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text))
}

const builtin = "0000000000000000e000000000000000" // Unity's own resources

// Every fileID and GUID of the scene leads somewhere; its scripts are the
// example's, with the fields that the classes have, and their defaults.
func TestTheSceneIsWhole(t *testing.T) {
	file := filepath.Join(exampleProject, "Assets", "ExampleP2P.unity")
	objects := scene(t, file)
	scripts := map[string]string{}
	for _, name := range []string{"ExampleP2PServer", "ExampleP2PClient"} {
		scripts[readMeta(t, filepath.Join(exampleProject, "Assets", name+".cs.meta")).GUID] = name
	}
	seen := map[string]int{}
	for number, o := range objects {
		references(o.fields, func(id, guid string) {
			_, local := objects[id]
			known := id == "0" || guid == "" && local || guid == builtin || id == "11500000" && scripts[guid] != ""
			if !known {
				t.Errorf("object %s: {fileID: %s, guid: %s} leads nowhere", number, id, guid)
			}
			seen[scripts[guid]]++
		})
		switch o.kind {
		case "GameObject":
			checkComponents(t, objects, number, o)
		case "MonoBehaviour":
			script, _ := o.fields["m_Script"].(map[string]any)
			guid, _ := script["guid"].(string)
			checkFields(t, scripts[guid], o)
		}
	}
	if seen["ExampleP2PServer"] != 1 || seen["ExampleP2PClient"] != 1 {
		t.Errorf("the scene's scripts: %v", seen)
	}
	project := scene(t, filepath.Join(exampleProject, "ProjectSettings", "EditorBuildSettings.asset"))
	if guid := readMeta(t, file+".meta").GUID; !strings.Contains(asText(project["1"].fields), guid) {
		t.Error("the project does not build its scene")
	}
}

// checkComponents: an object's components are there, and say that they are its.
func checkComponents(t *testing.T, objects map[string]object, number string, o object) {
	t.Helper()
	components, _ := o.fields["m_Component"].([]any)
	transforms := 0
	for _, c := range components {
		references(c.(map[string]any)["component"], func(id, _ string) {
			owner := ""
			references(objects[id].fields["m_GameObject"], func(id, _ string) { owner = id })
			if owner != number {
				t.Errorf("component %s is of object %q, not %s", id, owner, number)
			}
			if objects[id].kind == "Transform" {
				transforms++
			}
		})
	}
	if transforms != 1 {
		t.Errorf("object %s has %d transforms", number, transforms)
	}
}

// checkFields: what the scene sets are the script's public fields, at their
// defaults.
func checkFields(t *testing.T, script string, o object) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(sample, script+".cs"))
	if err != nil {
		t.Fatal(err)
	}
	fields := regexp.MustCompile(`(?m)^    public (?:string|bool) (\w+) = "?(.*?)"?;$`).FindAllStringSubmatch(string(text), -1)
	if len(fields) == 0 {
		t.Fatalf("%s has no fields", script)
	}
	for _, f := range fields {
		value := asText(o.fields[f[1]])
		if value == "1" {
			value = "true"
		}
		if value != f[2] {
			t.Errorf("%s.%s is %q in the scene and %q in the script", script, f[1], value, f[2])
		}
		delete(o.fields, f[1])
	}
	for name := range o.fields {
		if !strings.HasPrefix(name, "m_") {
			t.Errorf("%s has no field %s", script, name)
		}
	}
}

// The project gets the package by a relative path that leads to it.
func TestTheProjectHasThePackage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(exampleProject, "Packages", "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`"com\.unityp2p\.webrtc": "file:(.*)"`).FindSubmatch(text)
	if m == nil {
		t.Fatalf("the manifest: %s", text)
	}
	if _, err := os.Stat(filepath.Join(exampleProject, "Packages", string(m[1]), "package.json")); err != nil {
		t.Error(err)
	}
}
