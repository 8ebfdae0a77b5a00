// Package doctor checks a deployed signaling server from outside, as a player's
// machine meets it: step by step, until one fails. For each it says what it
// found, and for a failure what to do about it. It trusts nothing that the
// server says, and shows no secret.
package doctor
