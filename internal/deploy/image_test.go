//go:build linux

package deploy

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// unpack puts the image's files below a directory, as the Dockerfile says.
func unpack(t *testing.T, image stage) string {
	t.Helper()
	dir := t.TempDir()
	from := map[string]string{ // what the stage before has
		"/src/build/unityp2p":                server(t),
		"/etc/ssl/certs/ca-certificates.crt": "/etc/ssl/certs/ca-certificates.crt",
		"/state":                             t.TempDir(),
	}
	for _, c := range image.copies(t) {
		source, known := from[c.source]
		if !known {
			t.Fatalf("the Dockerfile copies %s, of which the test knows nothing", c.source)
		}
		target := filepath.Join(dir, c.target)
		if strings.HasSuffix(c.target, "/") {
			target = filepath.Join(target, filepath.Base(c.source))
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("cp", "-r", source, target).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if c.owner != "" {
			var uid, gid int
			if _, err := fmt.Sscanf(c.owner, "%d:%d", &uid, &gid); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(target, uid, gid); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// needRoot stops a test that makes namespaces, where that cannot be.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("UNITYP2P_ALL_TESTS") != "" {
		t.Fatal("root is needed to run the image")
	}
	t.Skip("root is needed to run the image")
}

// container is how a platform runs the image.
type container struct {
	uid, gid int
	network  bool     // one of its own, with ports that nobody has
	state    string   // a directory that is a volume; "": none, and nothing can be written
	environ  []string // besides the image's own
	args     []string // instead of the image's CMD
}

// command runs the image among nothing but its files, all of them read-only.
func (c container) command(t *testing.T, image stage) *exec.Cmd {
	t.Helper()
	script := `mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit`
	if c.state != "" {
		script += ` && mount --bind "` + c.state + `" "$1/state"`
	}
	script += `; dir="$1"; user="$2"; shift 2; exec chroot --userspec="$user" --groups= "$dir" "$@"`
	args := []string{"--mount", "--ipc", "--uts"}
	if c.network {
		args = append(args, "--net")
	}
	args = append(args, "sh", "-c", script, "sh", unpack(t, image), fmt.Sprintf("%d:%d", c.uid, c.gid))
	args = append(args, image.list(t, "ENTRYPOINT")...)
	if c.args == nil {
		c.args = image.list(t, "CMD")
	}
	cmd := exec.Command("unshare", append(args, c.args...)...)
	cmd.Env = append(append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, image.all("ENV")...), c.environ...)
	return cmd
}

// The image as Heroku and Render run it: a port in PORT, a user without a name
// (on Heroku not even the image's), nothing to write to, SIGTERM.
func TestTheImageServesWherePORTSays(t *testing.T) {
	needRoot(t)
	image := image(t)
	uid, gid := image.user(t)
	for name, c := range map[string]container{
		"the image's user": {uid: uid, gid: gid},
		"another user":     {uid: 23456, gid: 23456},
	} {
		t.Run(name, func(t *testing.T) {
			port := freePort(t)
			c.environ = []string{"PORT=" + strconv.Itoa(port)}
			p := start(t, c.command(t, image))
			p.ends(p.serves(port, "/"))
		})
	}
}

// As Fly.io and "docker run" run it: nothing is said, and the port is the one
// that the image exposes.
func TestTheImageServesItsOwnPort(t *testing.T) {
	needRoot(t)
	image := image(t)
	uid, gid := image.user(t)
	p := start(t, container{uid: uid, gid: gid, network: true}.command(t, image))
	if want := ":" + image.one(t, "EXPOSE") + "/"; !strings.HasSuffix(p.url, want) {
		t.Errorf("it listens at %s, not at %s", p.url, want)
	}
	p.ends()
}

// What is in the image is the server, certificates of authorities, and an empty
// directory.
func TestTheImageIsSmall(t *testing.T) {
	needRoot(t)
	dir, size, files := unpack(t, image(t)), int64(0), 0
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			size += info.Size()
			files++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if t.Logf("%d bytes", size); size >= sizeLimit || files != 2 {
		t.Errorf("the image has %d files and %d bytes; %d are too many", files, size, sizeLimit)
	}
}
