// Package deploy holds the tests of what the signaling server is deployed with:
// the Dockerfile and the files in deploy/. Each is parsed as strictly as can be,
// compared with the server, and the server is run as the platform runs it. There
// is no container engine in that: the image's files are put where the Dockerfile
// puts them, and the process runs among nothing but them.
package deploy
