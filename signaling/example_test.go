package signaling_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"unityp2p/signaling"
)

// The server inside another program: a listener and an http.Server of its own.
func ExampleServer() {
	server, err := signaling.New(signaling.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	web := &http.Server{Handler: server, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- web.Serve(listener) }()

	response, err := http.Get("http://" + listener.Addr().String() + "/")
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = response.Body.Close()
	fmt.Println(response.Status)

	// First no new sockets, then the end of those there are.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = web.Close()
	fmt.Println(server.Shutdown(ctx), <-served)
	// Output:
	// 200 OK
	// <nil> http: Server closed
}
