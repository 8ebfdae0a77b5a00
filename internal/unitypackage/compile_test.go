//go:build linux

package unitypackage

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each platform that the scripts know by its define compiles, with Unity and, as
// a plain .NET library, without.
func TestScriptsCompileForEveryPlatform(t *testing.T) {
	needMono(t)
	dir := t.TempDir()
	engine := stubs(t, dir)
	player := []string{"UNITY_5_3_OR_NEWER", "UNITY_2020_3_OR_NEWER"}
	platforms := map[string][]string{
		"without Unity": nil,
		"editor":        editor,
		"Linux":         append(player, "UNITY_STANDALONE", "UNITY_STANDALONE_LINUX"),
		"iOS":           append(player, "UNITY_IOS", "ENABLE_IL2CPP"),
		"Android":       append(player, "UNITY_ANDROID", "ENABLE_IL2CPP"),
		"WebGL":         append(player, "UNITY_WEBGL", "ENABLE_IL2CPP"),
		"WebGL, editor": append(editor, "UNITY_WEBGL"),
	}
	for name, defines := range platforms {
		t.Run(name, func(t *testing.T) {
			a := assembly{
				out: filepath.Join(t.TempDir(), "UnityP2P.dll"), defines: defines,
				sources: sources(t, "unity/Scripts"),
			}
			if len(defines) > 0 {
				a.references = []string{engine}
			}
			a.compile(t)
		})
	}
}

// A developer copies Scripts/ into Assets, where everything is one assembly: with
// the game's own scripts, and with the sample.
func TestScriptsAloneCompileAmongAGamesOwn(t *testing.T) {
	needMono(t)
	dir := t.TempDir()
	assembly{
		out: filepath.Join(dir, "Assembly-CSharp.dll"), defines: editor, references: []string{stubs(t, dir)},
		sources: sources(t, "unity/Scripts", "unity/Samples~"),
	}.compile(t)
}

// What IL2CPP cannot do, or Unity's "Allow unsafe code" would be needed for.
func TestScriptsKeepToWhatEveryUnityCompiles(t *testing.T) {
	forbidden := regexp.MustCompile(`\bunsafe\b|\bSpan<|\bdynamic\b|System\.Reflection|MonoPInvokeCallback|GetFunctionPointerForDelegate|\W\d+_\d`)
	for _, file := range sources(t, "unity/Scripts", "unity/Editor", "unity/Samples~") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if m := forbidden.FindString(line); m != "" {
				t.Errorf("%s:%d: %s", file, i+1, m)
			}
		}
	}
}

// On WebGL a room says at run time that it is not there yet.
func TestWebGLSaysThatItIsNotThereYet(t *testing.T) {
	needMono(t)
	dir := t.TempDir()
	ours := filepath.Join(dir, "UnityP2P.dll")
	assembly{
		out: ours, defines: []string{"UNITY_5_3_OR_NEWER", "UNITY_WEBGL"},
		references: []string{stubs(t, dir)}, sources: sources(t, "unity/Scripts"),
	}.compile(t)
	out := run(t, nil, "mono", program(t, dir, "Loader", "testdata/Loader.cs"))
	if !strings.Contains(out, "PlatformNotSupportedException: UnityP2P does not run on WebGL yet") {
		t.Errorf("it says: %s", out)
	}
}
