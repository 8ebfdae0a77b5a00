// Package badnet makes a UDP socket behave as if the network behind it were bad:
// late, lossy, disordered, slow. It is for trying a game before its players do.
package badnet
