// Package unitypackage holds the tests of the Unity package: its C# compiled and
// run by Mono against the real library, with stubs in Unity's place (stubs/), and
// its assets read as Unity would read them.
package unitypackage
