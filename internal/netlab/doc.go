// Package netlab builds networks on one Linux machine, for tests: hosts and
// routers in network namespaces of their own, joined by wires that delay, lose,
// reorder, double and cut as told, while traffic flows.
//
//	lab := netlab.New(t)
//	server := lab.Host("server")
//	home := lab.Router("home", netlab.Home{NAT: netlab.Symmetric})
//	alice := home.Host("alice")
//	home.Uplink().Set(netlab.Conditions{Delay: 25 * time.Millisecond, Loss: 0.01})
//	p := alice.Start(exec.Command("unityp2p", "join", "lobby", …))
//	p.Expect("joined")
//
// Nothing of it has a name that another could see: namespaces and interfaces
// live as long as the test's process has them open, and processes in them die
// with it. Labs are apart from each other, so that tests may run in parallel.
package netlab
