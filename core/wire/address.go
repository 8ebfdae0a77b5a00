package wire

import (
	"encoding/binary"
	"unicode/utf16"
)

// Address is a room's name at the signaling server: its UTF-16LE bytes. Two are
// equal if their code units are; lone surrogates, NUL and unnormalised text are
// all distinct, so it must not be treated as text.
type Address string

// MaxAddressUnits is the most code units that an address may have.
const MaxAddressUnits = 256

// AddressOf returns the address that is spelled as text.
func AddressOf(text string) Address {
	return Address(appendUTF16(nil, text))
}

// Units returns how many UTF-16 code units the address has.
func (a Address) Units() int { return len(a) / 2 }

// String returns the address for a log; what is no valid text is replaced.
func (a Address) String() string { return decodeUTF16([]byte(a)) }

func appendUTF16(dst []byte, text string) []byte {
	for _, r := range text {
		if a, b := utf16.EncodeRune(r); a != '\uFFFD' || b != '\uFFFD' {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(a))
			dst = binary.LittleEndian.AppendUint16(dst, uint16(b))
			continue
		}
		dst = binary.LittleEndian.AppendUint16(dst, uint16(r))
	}
	return dst
}

// decodeUTF16 ignores a last odd byte.
func decodeUTF16(p []byte) string {
	units := make([]uint16, len(p)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(p[2*i:])
	}
	return string(utf16.Decode(units))
}
