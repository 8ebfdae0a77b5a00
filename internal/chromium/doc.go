// Package chromium is tests: a browser, which has a WebRTC of its own and knows
// nothing of ours, meets our members through our signaling server. Its page
// (page.html) speaks the original's protocol.
package chromium
