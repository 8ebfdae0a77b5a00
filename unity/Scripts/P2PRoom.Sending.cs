using System;

namespace UnityP2P
{
    public abstract partial class P2PRoom
    {
        // Native code gets a reference to the first byte; an empty message has none.
        private static readonly byte[] Nothing = new byte[1];

        /// <summary>
        /// Sends a message to one member. The bytes are copied before this
        /// returns. True means: it arrives once, whole and in order, unless the
        /// connection ends first, and then OnDisconnection says so.
        /// </summary>
        /// <param name="connectionId">To whom.</param>
        /// <param name="data">The message; may be empty. At most 16 MiB, to peers of the original 256 KiB.</param>
        /// <param name="isReliable">False: sent at once and once (at most 256 KiB); it may be lost or overtaken.</param>
        /// <returns>
        /// Whether it was taken. If not, it is logged why: nobody is connected
        /// under that id, it is too large, or the send buffer is full (send it
        /// again in a later frame).
        /// </returns>
        /// <exception cref="ArgumentNullException">data is null.</exception>
        public bool SendMessage(ConnectionId connectionId, byte[] data, bool isReliable)
        {
            if (data == null)
            {
                throw new ArgumentNullException("data");
            }
            return Send(connectionId, data, 0, data.Length, isReliable);
        }

        /// <summary>Sends a part of an array to one member; otherwise as the shorter SendMessage.</summary>
        /// <param name="connectionId">To whom.</param>
        /// <param name="data">An array with the message in it.</param>
        /// <param name="offset">Where the message begins.</param>
        /// <param name="contentLength">How many bytes it has.</param>
        /// <param name="isReliable">Whether it must arrive.</param>
        /// <returns>Whether it was taken.</returns>
        /// <exception cref="ArgumentOutOfRangeException">That part is not inside the array.</exception>
        public bool SendMessage(ConnectionId connectionId, byte[] data, int offset, int contentLength, bool isReliable)
        {
            CheckPart(data, offset, contentLength);
            return Send(connectionId, data, offset, contentLength, isReliable);
        }

        /// <summary>Sends a part of an array to everyone, as SendMessageToAll does.</summary>
        /// <param name="data">An array with the message in it.</param>
        /// <param name="offset">Where the message begins.</param>
        /// <param name="contentLength">How many bytes it has.</param>
        /// <param name="isReliable">Whether it must arrive.</param>
        /// <returns>How many members it was taken for.</returns>
        public int SendMessage(byte[] data, int offset, int contentLength, bool isReliable)
        {
            return SendMessageToAll(data, offset, contentLength, isReliable);
        }

        /// <summary>
        /// Sends a message to everyone in peers. Members whose send buffer is
        /// full are left out: compare the result with peers.Count, if that
        /// matters.
        /// </summary>
        /// <param name="data">The message; may be empty.</param>
        /// <param name="isReliable">Whether it must arrive.</param>
        /// <returns>How many members it was taken for.</returns>
        /// <exception cref="ArgumentNullException">data is null.</exception>
        public int SendMessageToAll(byte[] data, bool isReliable)
        {
            if (data == null)
            {
                throw new ArgumentNullException("data");
            }
            return SendToAll(data, 0, data.Length, isReliable);
        }

        /// <summary>Sends a part of an array to everyone; otherwise as the shorter SendMessageToAll.</summary>
        /// <param name="data">An array with the message in it.</param>
        /// <param name="offset">Where the message begins.</param>
        /// <param name="contentLength">How many bytes it has.</param>
        /// <param name="isReliable">Whether it must arrive.</param>
        /// <returns>How many members it was taken for.</returns>
        /// <exception cref="ArgumentOutOfRangeException">That part is not inside the array.</exception>
        public int SendMessageToAll(byte[] data, int offset, int contentLength, bool isReliable)
        {
            CheckPart(data, offset, contentLength);
            return SendToAll(data, offset, contentLength, isReliable);
        }

        private bool Send(ConnectionId connectionId, byte[] data, int offset, int length, bool isReliable)
        {
            uint connection = members.Find(connectionId);
            int code = Native.NotConnected;
            if (disposed == 0 && connection != 0)
            {
                code = length > 0
                    ? Native.P2P_SendMessage(handle, connection, ref data[offset], (uint)length, isReliable ? 1u : 0)
                    : Native.P2P_SendMessage(handle, connection, ref Nothing[0], 0, isReliable ? 1u : 0);
            }
            if (code == Native.Ok)
            {
                return true;
            }
            P2PLog.Warn("not sent to " + connectionId + ": " + Why(code, length));
            return false;
        }

        private int SendToAll(byte[] data, int offset, int length, bool isReliable)
        {
            int code = Native.InvalidHandle;
            if (disposed == 0)
            {
                code = length > 0
                    ? Native.P2P_SendMessageToAll(handle, ref data[offset], (uint)length, isReliable ? 1u : 0)
                    : Native.P2P_SendMessageToAll(handle, ref Nothing[0], 0, isReliable ? 1u : 0);
            }
            if (code >= 0)
            {
                return code;
            }
            P2PLog.Warn("not sent to all: " + Why(code, length));
            return 0;
        }

        private string Why(int code, int length)
        {
            if (disposed != 0 || code == Native.InvalidHandle)
            {
                return "Dispose was called";
            }
            switch (code)
            {
                case Native.NotConnected:
                    return "nobody is connected under that id";
                case Native.TooLarge:
                    return length + " bytes are more than the other side takes";
                case Native.WouldBlock:
                    return "the send buffer is full; send less, or again in a later frame";
                default:
                    return NativeText.Read(Native.P2P_ErrorString(code));
            }
        }

        private static void CheckPart(byte[] data, int offset, int contentLength)
        {
            if (data == null)
            {
                throw new ArgumentNullException("data");
            }
            if (offset < 0 || offset > data.Length)
            {
                throw new ArgumentOutOfRangeException("offset", offset, "it must be from 0 to " + data.Length);
            }
            if (contentLength < 0 || contentLength > data.Length - offset)
            {
                throw new ArgumentOutOfRangeException("contentLength", contentLength,
                    "it must be from 0 to " + (data.Length - offset));
            }
        }
    }
}
