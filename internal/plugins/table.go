package main

import "path"

// A plugin is a native library as Unity sees it. GUIDs never change: projects
// refer to assets by them.
type plugin struct {
	file     string // below unity/Plugins
	guid     string
	editorOS string            // the editor that loads it; "" for none
	cpu      string            // in the editor, and in the player
	player   string            // the platform whose players get it: one of platforms; "" for none
	settings map[string]string // of that platform, beside the CPU
}

// platforms are those that Unity's importer asks about, by the names that its
// .meta files have.
var platforms = []string{"Android", "Linux64", "OSXUniversal", "WebGL", "Win", "Win64", "iOS"}

// folders are those below unity/Plugins, and itself.
var folders = map[string]string{
	".":                   "4a1f0c5d7e2b49c6a83d5b9e6f017c21",
	"Linux":               "c2d8e4b16f7a4035918e0a6c3d5b7f42",
	"Linux/x86_64":        "7b3e9a2f58d14c60b7f42e8c1a9d0563",
	"Linux/arm64":         "9c41f7d2b8e04a56a1d3670ef5cb28f8",
	"Windows/arm64":       "47d8b1e3f60c4295bea97c2d815f3a09",
	"iOS/simulator":       "ce53a9f0718d4b6486f2e1b7d94c051a",
	"Windows":             "e95c1d7a304f4b28861bd3f7a2c60e84",
	"Windows/x86_64":      "03fa6b8de27149c5a90c7e5d18b42fa5",
	"Windows/x86":         "5d0c8f3eb96a4172be54a1d7f830c2c6",
	"macOS":               "91b7d3e0a5c84f6f8d210e9b47a6f3e7",
	"macOS/universal":     "2e6f8a4c10d94b73a5e8c7b3f9d21608",
	"macOS/arm64":         "b84d0f6a7c3e4195962fd81e5ca037a9",
	"macOS/x86_64":        "6fc25e9b1d784a03b73c4f0a9e8d51ba",
	"Android":             "d17a3c8e5f0b4962ac98e6d2b4017fcb",
	"Android/arm64-v8a":   "380fb5d9e64c4c1789dea2f7c50b36dc",
	"Android/armeabi-v7a": "a9e2c7041b8d4f5ebc06d3981f5a7eed",
	"Android/x86_64":      "f46b1d8ca3504e27950c7be8d2f16afe",
	"iOS":                 "15d9a0e7c8b34620b1f75c3ed06e940f",
	"iOS/arm64":           "8c3be7f20a5d41968ed4f9a1b67c2510",
}

var plugins = []plugin{
	{"Linux/x86_64/libunityp2p.so", "5e0d7c1fa28b4396b0e9c4d87f3a6121", "Linux", "x86_64", "Linux64", nil},
	// Unity has no desktop players for it: for C programs, and off in Unity.
	{"Linux/arm64/libunityp2p.so", "2b8d5f90e6a14c7ea3c1f4970b6d83c5", "", "", "", nil},
	{"Windows/x86_64/unityp2p.dll", "c7a85e3d902f4b14a6dd0f1b83e97232", "Windows", "x86_64", "Win64", nil},
	{"Windows/x86/unityp2p.dll", "30b9f6e41c7d4d85927ce5a80d4b1343", "", "x86", "Win", nil},
	// Unity 6 has players for it, older editors take it for a second x86_64 library:
	// off, until a project turns it on.
	{"Windows/arm64/unityp2p.dll", "a6e0c37f94bd4125b8f26d51c03e79d6", "", "", "", nil},
	{"macOS/universal/libunityp2p.dylib", "984ce1a7d5f0423eb86a7f2d96c5e454", "OSX", "AnyCPU", "OSXUniversal", nil},
	{"macOS/arm64/libunityp2p.dylib", "e12f70bd8a694c53ad08b4c6f17e9565", "OSX", "ARM64", "OSXUniversal", nil},
	{"macOS/x86_64/libunityp2p.dylib", "4db6a38f0e1742c9813f5ed7a90c2676", "OSX", "x86_64", "OSXUniversal", nil},
	{"Android/arm64-v8a/libunityp2p.so", "bf9057c2d34e4a6fa1b85c7e30f6d787", "", "ARM64", "Android", android},
	{"Android/armeabi-v7a/libunityp2p.so", "063ed8f1a7b5402c95e47d9b8f1a2898", "", "ARMv7", "Android", android},
	{"Android/x86_64/libunityp2p.so", "71c4b92e5fd84730b63a8e0dc7952fa9", "", "X86_64", "Android", android},
	{"iOS/arm64/libunityp2p.a", "d8fa163be09c4c52a4715f2e8bd790ba", "", "ARM64", "iOS", ios},
	// In the place of the one above, to run in Xcode's simulator.
	{"iOS/simulator/libunityp2p.a", "f1d94b2c6e874a03957bce08a2d63fe7", "", "", "", nil},
}

var (
	android = map[string]string{"AndroidSharedLibraryType": "Executable"}
	ios     = map[string]string{"AddToEmbeddedBinaries": "false"}
)

// find is the table's entry for a library; nil if Unity does not know its platform.
func find(file string) *plugin {
	for i := range plugins {
		if plugins[i].file == path.Clean(file) {
			return &plugins[i]
		}
	}
	return nil
}
