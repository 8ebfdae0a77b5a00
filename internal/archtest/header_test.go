package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"unityp2p/core"
)

// coreNumbers are the numbers that both the C header and package core define,
// by their names in the header.
var coreNumbers = map[string]int{
	"TROUBLE_ROOM_TAKEN":      int(core.RoomTaken),
	"TROUBLE_UNREACHABLE":     int(core.Unavailable),
	"TROUBLE_TOKEN_REFUSED":   int(core.TokenRefused),
	"TROUBLE_REFUSED":         int(core.Refused),
	"TROUBLE_NO_HOST":         int(core.NoHost),
	"TROUBLE_SIGNALING_LOST":  int(core.SignalingLost),
	"TROUBLE_CONNECT_FAILED":  int(core.ConnectFailed),
	"TROUBLE_ADDRESS_IN_USE":  int(core.AddressInUse),
	"TROUBLE_LISTEN_FAILED":   int(core.ListenFailed),
	"TROUBLE_REMOVED":         int(core.RemovedByHost),
	"TROUBLE_ROOM_FULL":       int(core.RoomFull),
	"TROUBLE_INTERNAL":        int(core.InternalFailed),
	"TROUBLE_CERTIFICATE":     int(core.WrongCertificate),
	"TROUBLE_NOT_ALLOWED":     int(core.NotAllowed),
	"TROUBLE_LIMITED":         int(core.Limited),
	"TROUBLE_SIGNALING_ENDED": int(core.SignalingEnded),

	"REASON_LEFT":      int(core.Left),
	"REASON_REMOVED":   int(core.Removed),
	"REASON_LOCAL":     int(core.Local),
	"REASON_TIMED_OUT": int(core.TimedOut),
	"REASON_CLOSED":    int(core.Closed),
	"REASON_PROTOCOL":  int(core.Protocol),
	"REASON_REPLACED":  int(core.Replaced),

	"EVENT_ROOM_OPEN":    int(core.RoomOpen),
	"EVENT_ROOM_TROUBLE": int(core.RoomTrouble),
	"EVENT_CONNECTED":    int(core.Connected),
	"EVENT_DISCONNECTED": int(core.Disconnected),
	"EVENT_MESSAGE":      int(core.Message),
	"EVENT_UNREACHABLE":  int(core.Unreachable),
	"EVENT_REACHABLE":    int(core.Reachable),
	"EVENT_PATH_CHANGED": int(core.PathChanged),
}

// headerNumbers reads the P2P_TROUBLE_, P2P_REASON_ and P2P_EVENT_ numbers of
// the header.
func headerNumbers(t *testing.T) map[string]int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "include/p2p.h"))
	if err != nil {
		t.Fatal(err)
	}
	define := regexp.MustCompile(`(?m)^#define P2P_((?:TROUBLE|REASON|EVENT)_\w+)\s+(\d+)\b(u?)`)
	numbers := map[string]int{}
	for _, m := range define.FindAllSubmatch(text, -1) {
		if len(m[3]) > 0 {
			continue // flags are unsigned, and no codes
		}
		if numbers[string(m[1])], err = strconv.Atoi(string(m[2])); err != nil {
			t.Fatal(err)
		}
	}
	return numbers
}

// The numbers cross the boundary as they are, so they must be the same on both
// sides, and neither side may have one that the other lacks.
func TestNumbersAreThoseOfTheHeader(t *testing.T) {
	header := headerNumbers(t)
	// The engine has no signaling server; the library adds that event.
	if header["EVENT_SIGNALING_OPEN"] == 0 {
		t.Error("the header has no P2P_EVENT_SIGNALING_OPEN")
	}
	delete(header, "EVENT_SIGNALING_OPEN")
	for name, number := range header {
		if ours, ok := coreNumbers[name]; !ok || ours != number {
			t.Errorf("P2P_%s is %d in the header and %d in package core", name, number, ours)
		}
	}
	for name := range coreNumbers {
		if _, ok := header[name]; !ok {
			t.Errorf("the header lacks P2P_%s", name)
		}
	}
}

func TestNoTwoCodesShareANumber(t *testing.T) {
	taken := map[int]string{}
	for name, number := range coreNumbers {
		if name[:5] == "EVENT" {
			continue
		}
		if other, ok := taken[number]; ok {
			t.Errorf("%s and %s are both %d", name, other, number)
		}
		taken[number] = name
	}
}
