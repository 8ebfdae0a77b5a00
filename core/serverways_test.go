package core

import "testing"

// Who says again what a member has sealed takes neither its way from it nor what it may
// have others pass on, and does not make us say all again for ever.
func TestNobodyTakesAMembersWay(t *testing.T) {
	var ways serverWays
	own, replayed := new(serverRoute), []*serverRoute{new(serverRoute), new(serverRoute)}
	if !ways.take(own) || ways.take(own) {
		t.Fatal("a way is new once")
	}
	anew := 0
	for range 100 {
		for _, route := range replayed {
			if ways.take(route) {
				anew++
			}
		}
	}
	if anew != len(replayed) {
		t.Errorf("%d ways are new, want %d", anew, len(replayed))
	}
	way := ways.over(own)
	if way == nil {
		t.Fatal("the member's way is gone")
	}
	if way.carries == ways.over(replayed[0]).carries {
		t.Error("others use up what the member may have passed on")
	}
	ways.drop(replayed[0])
	if ways.over(replayed[0]) != nil || ways.over(own) != way || len(ways.list) != 2 {
		t.Error("another way ended than the one that was to")
	}
}

func TestAMemberHasFewWays(t *testing.T) {
	var ways serverWays
	own, anew := new(serverRoute), 0
	for range 1000 {
		if ways.take(new(serverRoute)) {
			anew++
		}
		ways.take(own)
	}
	if len(ways.list) != mostWays || ways.list[mostWays-1].route != own {
		t.Errorf("%d ways, want %d, the last the one that was used last", len(ways.list), mostWays)
	}
	if anew > 500 {
		t.Errorf("all is said again %d times", anew)
	}
}
