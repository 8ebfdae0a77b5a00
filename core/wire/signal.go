package wire

import (
	"encoding/binary"
	"errors"
)

// FrameType is the first byte of a signaling frame.
type FrameType uint8

// The frames of the signaling protocol.
const (
	UnreliableMessage FrameType = 1
	ReliableMessage   FrameType = 2
	ServerInitialized FrameType = 3
	ServerInitFailed  FrameType = 4
	ServerClosed      FrameType = 5
	NewConnection     FrameType = 6
	ConnectionFailed  FrameType = 7
	Disconnected      FrameType = 8
	VersionFrame      FrameType = 201
	HeartbeatFrame    FrameType = 202
	ExtensionFrame    FrameType = 203 // data: an Extension; only between peers of ExtendedVersion
)

// DataType says what a frame carries.
type DataType uint8

// The kinds of data in a frame.
const (
	NoData DataType = 0 // the frame ends after its id
	Bytes  DataType = 1
	Text   DataType = 2 // UTF-16LE; the length counts code units
)

// Frame is one signaling frame: one binary WebSocket message.
type Frame struct {
	Type     FrameType
	DataType DataType
	ID       int16  // of a link at the server
	Data     []byte // for Text, the UTF-16LE bytes
	Version  uint8  // only of a VersionFrame
}

// ErrFrame is returned for what is no signaling frame.
var ErrFrame = errors.New("wire: malformed signaling frame")

const frameHead = 4

// ParseFrame decodes a frame. Data aliases p. Bytes after the data are ignored.
func ParseFrame(p []byte) (Frame, error) {
	if len(p) == 0 {
		return Frame{}, ErrFrame
	}
	switch f := (Frame{Type: FrameType(p[0])}); f.Type {
	case HeartbeatFrame:
		return f, nil
	case VersionFrame:
		if len(p) < 2 {
			return Frame{}, ErrFrame
		}
		f.Version = p[1]
		return f, nil
	default:
		known := f.Type >= UnreliableMessage && f.Type <= Disconnected || f.Type == ExtensionFrame
		if !known || len(p) < frameHead {
			return Frame{}, ErrFrame
		}
		f.DataType = DataType(p[1])
		f.ID = int16(binary.LittleEndian.Uint16(p[2:]))
		var err error
		f.Data, err = frameData(f.DataType, p[frameHead:])
		return f, err
	}
}

func frameData(kind DataType, rest []byte) ([]byte, error) {
	if kind == NoData {
		return nil, nil
	}
	if kind > Text || len(rest) < 4 {
		return nil, ErrFrame
	}
	n := uint64(binary.LittleEndian.Uint32(rest))
	if kind == Text {
		n *= 2
	}
	rest = rest[4:]
	if n > uint64(len(rest)) {
		return nil, ErrFrame
	}
	return rest[:n:n], nil
}

// Size returns how many bytes the encoding of f has.
func (f Frame) Size() int {
	switch {
	case f.Type == HeartbeatFrame:
		return 1
	case f.Type == VersionFrame:
		return 2
	case f.DataType == NoData:
		return frameHead
	case f.DataType == Text:
		return frameHead + 4 + len(f.Data)&^1
	}
	return frameHead + 4 + len(f.Data)
}

// Append appends the encoding of f.
func (f Frame) Append(dst []byte) []byte {
	dst = append(dst, byte(f.Type))
	switch f.Type {
	case HeartbeatFrame:
		return dst
	case VersionFrame:
		return append(dst, f.Version)
	}
	dst = append(dst, byte(f.DataType))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(f.ID))
	if f.DataType == NoData {
		return dst
	}
	if f.DataType != Text {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(f.Data)))
		return append(dst, f.Data...)
	}
	units := len(f.Data) / 2 // half a unit is none
	dst = binary.LittleEndian.AppendUint32(dst, uint32(units))
	return append(dst, f.Data[:2*units]...)
}
