//go:build linux

package unitypackage

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// meta is what the tests read of a .meta file.
type meta struct {
	GUID     string `yaml:"guid"`
	Folder   string `yaml:"folderAsset"`
	Mono     any    `yaml:"MonoImporter"`
	Asmdef   any    `yaml:"AssemblyDefinitionImporter"`
	Manifest any    `yaml:"PackageManifestImporter"`
	Text     any    `yaml:"TextScriptImporter"`
	Default  any    `yaml:"DefaultImporter"`
	Plugin   *struct {
		Preloaded int `yaml:"isPreloaded"`
		Data      []struct {
			First  map[string]string `yaml:"first"`
			Second struct {
				Enabled  int               `yaml:"enabled"`
				Settings map[string]string `yaml:"settings"`
			} `yaml:"second"`
		} `yaml:"platformData"`
	} `yaml:"PluginImporter"`
}

func readMeta(t *testing.T, file string) meta {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// Unity writes an empty key, which the parser takes only in quotes.
	text = bytes.ReplaceAll(text, []byte("      : Any"), []byte(`      "": Any`))
	var m meta
	if err := yaml.Unmarshal(text, &m); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(m.GUID) {
		t.Errorf("%s: the GUID is %q", file, m.GUID)
	}
	return m
}

// packageWithLibraries is a copy of unity/ with an empty file for each library
// of the table, and the metas that build.sh would write.
func packageWithLibraries(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "unity")
	if err := os.CopyFS(dir, os.DirFS(unity)); err != nil {
		t.Fatal(err)
	}
	plugins := filepath.Join(dir, "Plugins")
	if err := os.RemoveAll(plugins); err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile(filepath.Join(root, "internal/plugins/table.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\{"(\w+/[\w-]+/(?:lib)?unityp2p\.\w+)"`).FindAllStringSubmatch(string(table), -1) {
		file := filepath.Join(plugins, m[1])
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "run", "./internal/plugins", plugins)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// imported says whether Unity looks at a file or folder: not at names with "~" at
// their end or a dot before them.
func imported(path string) bool {
	for _, part := range strings.Split(path, string(filepath.Separator)) {
		if strings.HasSuffix(part, "~") || strings.HasPrefix(part, ".") {
			return false
		}
	}
	return true
}

// Everything that Unity imports has its meta, no meta is alone, and no GUID
// stands twice. Samples~ has metas inside, because Unity copies it into Assets.
func TestEveryAssetHasItsMeta(t *testing.T) {
	folders := map[string]string{"package": packageWithLibraries(t), "project": filepath.Join(exampleProject, "Assets")}
	for name, top := range folders {
		t.Run(name, func(t *testing.T) { checkMetas(t, top) })
	}
}

func checkMetas(t *testing.T, top string) {
	guids := map[string]string{}
	walk(t, top, func(path string, entry fs.DirEntry) {
		inside, sample := strings.CutPrefix(path, filepath.Join("Samples~", "ExampleP2P")+string(filepath.Separator))
		if path == "." || !imported(path) && !(sample && imported(inside)) {
			if filepath.Ext(path) == ".meta" {
				t.Errorf("%s: Unity never looks there", path)
			}
			return
		}
		file := filepath.Join(top, path)
		if asset, ok := strings.CutSuffix(file, ".meta"); ok {
			if _, err := os.Stat(asset); err != nil {
				t.Errorf("%s has no asset", path)
			}
			return
		}
		m := readMeta(t, file+".meta")
		if other, taken := guids[m.GUID]; taken {
			t.Errorf("%s and %s have the same GUID", path, other)
		}
		guids[m.GUID] = path
		if (m.Folder == "yes") != entry.IsDir() {
			t.Errorf("%s.meta takes it for something else", path)
		}
		if !entry.IsDir() && m.importer(path) == nil {
			t.Errorf("%s.meta has not the importer for such a file", path)
		}
	})
}

// importer is what the meta says for the importer that Unity would choose.
func (m *meta) importer(path string) any {
	switch filepath.Ext(path) {
	case ".cs":
		return m.Mono
	case ".asmdef":
		return m.Asmdef
	case ".md":
		return m.Text
	case ".json":
		return m.Manifest
	case ".so", ".dll", ".dylib", ".a":
		if m.Plugin == nil {
			return nil
		}
		return m.Plugin
	}
	return m.Default
}

func walk(t *testing.T, top string, visit func(path string, entry fs.DirEntry)) {
	t.Helper()
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(top, path)
		if err == nil {
			visit(inside, entry)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wanted says, by folder, in which editor and in which player a library is, and
// for which processor.
var wanted = map[string]struct{ editor, player, cpu string }{
	"Linux/x86_64":        {"Linux", "Standalone: Linux64", "x86_64"},
	"Linux/arm64":         {}, // off in Unity
	"Windows/arm64":       {},
	"iOS/simulator":       {},
	"Windows/x86_64":      {"Windows", "Standalone: Win64", "x86_64"},
	"Windows/x86":         {"", "Standalone: Win", "x86"},
	"macOS/universal":     {"OSX", "Standalone: OSXUniversal", "AnyCPU"},
	"macOS/arm64":         {"OSX", "Standalone: OSXUniversal", "ARM64"},
	"macOS/x86_64":        {"OSX", "Standalone: OSXUniversal", "x86_64"},
	"Android/arm64-v8a":   {"", "Android: Android", "ARM64"},
	"Android/armeabi-v7a": {"", "Android: Android", "ARMv7"},
	"Android/x86_64":      {"", "Android: Android", "X86_64"},
	"iOS/arm64":           {"", "iPhone: iOS", "ARM64"},
}

// Each library is enabled for its platform, and for no other.
func TestEachLibraryIsForItsPlatformAlone(t *testing.T) {
	plugins := filepath.Join(packageWithLibraries(t), "Plugins")
	seen := 0
	walk(t, plugins, func(path string, entry fs.DirEntry) {
		if entry.IsDir() || filepath.Ext(path) == ".meta" {
			return
		}
		seen++
		want, ok := wanted[filepath.ToSlash(filepath.Dir(path))]
		if !ok {
			t.Errorf("nobody expects %s", path)
			return
		}
		m := readMeta(t, filepath.Join(plugins, path)+".meta")
		if m.Plugin.Preloaded != 0 {
			t.Errorf("%s is loaded before it is needed", path)
		}
		var enabled []string
		for _, data := range m.Plugin.Data {
			for group, platform := range data.First {
				checkExclusions(t, path, platform, data.Second.Settings, want.player, want.editor)
				if data.Second.Enabled == 0 {
					continue
				}
				enabled = append(enabled, group+": "+platform)
				if cpu := data.Second.Settings["CPU"]; cpu != want.cpu {
					t.Errorf("%s is for %q on %s", path, cpu, platform)
				}
				if group == "Editor" && data.Second.Settings["OS"] != want.editor {
					t.Errorf("%s is for the editor on %q", path, data.Second.Settings["OS"])
				}
			}
		}
		var expected []string
		if want.player != "" {
			expected = []string{want.player}
		}
		if want.editor != "" {
			expected = []string{"Editor: Editor", want.player}
		}
		if !slices.Equal(enabled, expected) {
			t.Errorf("%s is enabled for %v, not for %v", path, enabled, expected)
		}
	})
	if seen != len(wanted) {
		t.Errorf("%d libraries of %d", seen, len(wanted))
	}
}

// checkExclusions looks at the list that Unity's "Any platform" goes by.
func checkExclusions(t *testing.T, path, platform string, settings map[string]string, player, editor string) {
	t.Helper()
	if platform != "Any" {
		return
	}
	for name, value := range settings {
		excluded := strings.TrimPrefix(name, "Exclude ")
		mine := strings.HasSuffix(player, ": "+excluded) || excluded == "Editor" && editor != ""
		if (value == "0") != mine {
			t.Errorf("%s: %s is %s", path, name, value)
		}
	}
}

// The package's description is complete, and what it names is there.
func TestThePackageDescribesItself(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(unity, "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	var p struct {
		Name, Version, DisplayName, Description, Unity, License string
		Author                                                  struct{ Name string }
		Samples                                                 []struct{ DisplayName, Description, Path string }
	}
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	if p.Name != "com.unityp2p.webrtc" || p.Unity != "2020.3" || p.License != "MIT" || p.DisplayName == "" ||
		p.Description == "" || p.Author.Name == "" || len(p.Samples) != 1 {
		t.Errorf("package.json: %+v", p)
	}
	changelog, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(changelog), "## ["+p.Version+"]") {
		t.Errorf("CHANGELOG.md has no %s", p.Version)
	}
	for _, s := range p.Samples {
		if _, err := os.Stat(filepath.Join(unity, s.Path)); err != nil {
			t.Error(err)
		}
	}
	for mine, ours := range map[string]string{
		"CHANGELOG.md": "CHANGELOG.md", "LICENSE.md": "LICENSE",
	} {
		sameFile(t, filepath.Join(unity, mine), filepath.Join(root, ours))
	}
}

func sameFile(t *testing.T, a, b string) {
	t.Helper()
	x, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	if string(x) != string(y) {
		t.Errorf("%s and %s differ: copy the one to the other", a, b)
	}
}

// Assembly definitions name each other, the editor's code stays in the editor,
// and tests stay out of players.
func TestAssemblyDefinitions(t *testing.T) {
	type definition struct {
		Name              string
		References        []string
		IncludePlatforms  []string
		DefineConstraints []string
		AllowUnsafeCode   bool
	}
	read := func(file string) definition {
		text, err := os.ReadFile(filepath.Join(unity, file))
		if err != nil {
			t.Fatal(err)
		}
		var d definition
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if d.Name+".asmdef" != filepath.Base(file) || d.AllowUnsafeCode {
			t.Errorf("%s: %+v", file, d)
		}
		return d
	}
	scripts, editor, tests := read("Scripts/UnityP2P.asmdef"), read("Editor/UnityP2P.Editor.asmdef"), read("Tests/UnityP2P.Tests.asmdef")
	if len(scripts.References)+len(scripts.IncludePlatforms)+len(scripts.DefineConstraints) != 0 {
		t.Errorf("the scripts are not for every platform: %+v", scripts)
	}
	if !slices.Equal(editor.IncludePlatforms, []string{"Editor"}) || !slices.Contains(editor.References, scripts.Name) {
		t.Errorf("the editor's: %+v", editor)
	}
	if !slices.Contains(tests.DefineConstraints, "UNITY_INCLUDE_TESTS") || !slices.Contains(tests.References, scripts.Name) {
		t.Errorf("the tests': %+v", tests)
	}
}
