using System;

namespace UnityP2P
{
    /// <summary>
    /// The bytes of a message: ContentLength of them, from Offset on in Buffer.
    /// They are valid until the callback that got them returns; ToArray keeps
    /// them.
    /// </summary>
    public sealed class MessageData : IDisposable
    {
        /// <summary>An array with the message somewhere in it.</summary>
        public byte[] Buffer { get; private set; }

        /// <summary>Where in Buffer the message begins.</summary>
        public int Offset { get; private set; }

        /// <summary>How many bytes the message has; may be 0.</summary>
        public int ContentLength { get; private set; }

        internal MessageData()
        {
        }

        internal void Set(byte[] buffer, int offset, int length)
        {
            Buffer = buffer;
            Offset = offset;
            ContentLength = length;
        }

        internal void Overwrite()
        {
            byte[] bytes = Buffer;
            for (int i = 0; i < ContentLength; i++)
            {
                bytes[Offset + i] = 0xdd;
            }
        }

        /// <summary>The array, as the original's documentation uses it.</summary>
        public static implicit operator byte[](MessageData data)
        {
            return data == null ? null : data.Buffer;
        }

        /// <summary>A copy of the message alone, which stays valid.</summary>
        public byte[] ToArray()
        {
            byte[] copy = new byte[ContentLength];
            System.Buffer.BlockCopy(Buffer, Offset, copy, 0, ContentLength);
            return copy;
        }

        /// <summary>Does nothing: the buffer is reused by itself.</summary>
        public void Dispose()
        {
        }
    }
}
