// Package link is one WebRTC connection between two members: the offer and the
// answer, the data channels, the packets on them, and the end.
//
// A Link is created by an [Engine], which holds what all links of a room share.
// It speaks to its owner through a [Handler]. Between our own peers (those that
// mark their SDP) it frames messages, grants credit and listens for silence;
// with original peers it passes raw messages.
//
// Where two clients find no path to each other, a Link may also run over those that
// both have to their host (Engine.Via), which passes its packets on ([Exchange]).
package link
