package main

import (
	"maps"
	"slices"
	"strings"
)

const tail = "  userData: \n  assetBundleName: \n  assetBundleVariant: \n"

func folderMeta(guid string) string {
	return "fileFormatVersion: 2\nguid: " + guid + "\nfolderAsset: yes\nDefaultImporter:\n  externalObjects: {}\n" + tail
}

// meta is what Unity's PluginImporter writes for a library that one platform has.
func (p *plugin) meta() string {
	var w strings.Builder
	w.WriteString("fileFormatVersion: 2\nguid: " + p.guid + "\nPluginImporter:\n" +
		"  externalObjects: {}\n  serializedVersion: 2\n  iconMap: {}\n  executionOrder: {}\n" +
		"  defineConstraints: []\n  isPreloaded: 0\n  isOverridable: 0\n  isExplicitlyReferenced: 0\n" +
		"  validateReferences: 1\n  platformData:\n")
	exclude := map[string]string{"Exclude Editor": number(p.editorOS == "")}
	for _, other := range platforms {
		exclude["Exclude "+other] = number(other != p.player)
	}
	section(&w, "", "Any", false, exclude)
	section(&w, "Any", "", false, nil)
	editor := map[string]string{"DefaultValueInitialized": "true"}
	if p.editorOS != "" {
		editor["CPU"], editor["OS"] = p.cpu, p.editorOS
	}
	section(&w, "Editor", "Editor", p.editorOS != "", editor)
	for _, name := range platforms {
		settings := map[string]string{}
		if name == p.player {
			settings["CPU"] = p.cpu
			maps.Copy(settings, p.settings)
		}
		section(&w, group(name), name, name == p.player, settings)
	}
	w.WriteString(tail)
	return w.String()
}

// group is what Unity puts before a platform's name.
func group(platform string) string {
	switch platform {
	case "Linux64", "OSXUniversal", "Win", "Win64":
		return "Standalone"
	case "iOS":
		return "iPhone"
	}
	return platform
}

func section(w *strings.Builder, group, platform string, enabled bool, settings map[string]string) {
	w.WriteString("  - first:\n      " + group + ": " + platform + "\n    second:\n      enabled: " + number(enabled) + "\n")
	if len(settings) == 0 {
		w.WriteString("      settings: {}\n")
		return
	}
	w.WriteString("      settings:\n")
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		w.WriteString("        " + name + ": " + settings[name] + "\n")
	}
}

func number(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
