//go:build linux

package deploy

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// domain is a name for which no authority is asked: the one in the settings is
// not there.
const domain = "p2p.example.test"

const nobody = "UNITYP2P_ACME_DIRECTORY=http://127.0.0.1:1/directory"

// runsByACME runs the image with compose's command: in a network of its own, with
// the lowest port that compose sets, and a volume for certificates.
func runsByACME(t *testing.T, command []string, sysctls map[string]int) {
	t.Helper()
	needRoot(t)
	image := image(t)
	uid, gid := image.user(t)
	state := t.TempDir()
	if err := os.Chown(state, uid, gid); err != nil {
		t.Fatal(err)
	}
	var args []string
	for _, a := range command {
		if strings.HasPrefix(a, "${DOMAIN:?") {
			a = domain
		}
		args = append(args, a)
	}
	c := container{uid: uid, gid: gid, network: true, state: state, environ: []string{nobody}, args: args}
	cmd := c.command(t, image)
	for name, value := range sysctls {
		cmd.Env = append(cmd.Env, fmt.Sprintf("SYSCTL=%s=%d", name, value))
		for i, a := range cmd.Args {
			if strings.HasPrefix(a, "mount --bind") {
				cmd.Args[i] = `sysctl -qw "$SYSCTL" && ` + a
			}
		}
	}
	p := start(t, cmd)
	if p.url != "wss://[::]:443/" {
		t.Errorf("it listens at %s", p.url)
	}
	p.ends()
}

// The unit is one that systemd understands and finds little fault with, and its
// process is run as it says: as nobody, with one capability, everything
// read-only but the directory for its state.
func TestUnit(t *testing.T) {
	needRoot(t)
	const name = "unityp2p@.service"
	text := string(read(t, name))
	unit := parseUnit(t, text)
	const program = "/usr/local/bin/unityp2p"
	command, ours := strings.CutPrefix(unit.one(t, "ExecStart"), program+" ")
	if !ours {
		t.Fatalf("ExecStart is %q", unit.one(t, "ExecStart"))
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, program, server(t))), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"verify", "--man=no", file}, {"security", "--offline=yes", "--threshold=20", "--no-pager", file}} {
		if out, err := exec.Command("systemd-analyze", args...).CombinedOutput(); err != nil || args[0] == "verify" && len(out) > 0 {
			t.Errorf("systemd-analyze %s: %v\n%s", args[0], err, out)
		}
	}
	enough(t, "systemd", unit.seconds(t, "TimeoutStopSec"))
	for key, want := range map[string]string{"DynamicUser": "yes", "ProtectSystem": "strict", "KillSignal": "SIGTERM", "StateDirectory": "unityp2p",
		"AmbientCapabilities": "CAP_NET_BIND_SERVICE", "CapabilityBoundingSet": "CAP_NET_BIND_SERVICE"} {
		if unit.one(t, key) != want {
			t.Errorf("%s is %q, not %s", key, unit.one(t, key), want)
		}
	}

	const uid = "23456"
	open := openDir(t)
	state, binary := filepath.Join(open, "state"), filepath.Join(open, "unityp2p")
	cache := strings.ReplaceAll(unit.one(t, "Environment"), "%S/"+unit.one(t, "StateDirectory"), state)
	copied, err := os.ReadFile(server(t))
	if err = errors.Join(err, os.WriteFile(binary, copied, 0o755), os.Mkdir(state, 0o700), os.Chown(state, 23456, 23456)); err != nil {
		t.Fatal(err)
	}
	capability := strings.ToLower(strings.TrimPrefix(unit.one(t, "AmbientCapabilities"), "CAP_"))
	script := `mount --bind "$1" "$1" && mount -o remount,bind,ro / && shift && exec setpriv --reuid ` + uid + ` --regid ` + uid + ` --clear-groups --no-new-privs ` +
		`--inh-caps=-all,+` + capability + ` --ambient-caps=-all,+` + capability + ` --bounding-set=-all,+` + capability + ` "$@"`
	args := append([]string{"--mount", "--net", "sh", "-c", script, "sh", state, binary}, strings.Fields(strings.ReplaceAll(command, "%i", domain))...)
	cmd := exec.Command("unshare", args...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", cache, nobody}
	p := start(t, cmd)
	if p.url != "wss://[::]:443/" {
		t.Errorf("it listens at %s", p.url)
	}
	p.ends()
}

// openDir makes a directory that everybody may enter. Those of tests are in one that
// is root's alone, and so may be the clone.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "unityp2p")
	if err == nil {
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
