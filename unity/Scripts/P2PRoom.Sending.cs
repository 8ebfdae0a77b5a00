using System;

namespace UnityP2P
{
    public abstract partial class P2PRoom
    {
        // Native code gets a reference to the first byte; an empty message has none.
        private static readonly byte[] Nothing = new byte[1];

        private const int FullMilliseconds = 1000;

        private bool fullLogged;
        private int fullSince;

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
        /// again in a later frame; logged once a second).
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
        /// <param name="dataOffset">Where the message begins.</param>
        /// <param name="dataLen">How many bytes it has.</param>
        /// <param name="isReliable">Whether it must arrive.</param>
        /// <returns>Whether it was taken.</returns>
        /// <exception cref="ArgumentOutOfRangeException">That part is not inside the array.</exception>
        public bool SendMessage(ConnectionId connectionId, byte[] data, int dataOffset, int dataLen, bool isReliable)
        {
            CheckPart(data, dataOffset, dataLen);
            return Send(connectionId, data, dataOffset, dataLen, isReliable);
        }

        /// <summary>Sends a part of an array to everyone, as SendMessageToAll does.</summary>
        /// <param name="data">An array with the message in it.</param>
        /// <param name="dataOffset">Where the message begins.</param>
        /// <param name="dataLen">How many bytes it has.</param>
        /// <param name="isReliable">Whether it must arrive.</param>
        /// <returns>How many members it was taken for.</returns>
        public int SendMessage(byte[] data, int dataOffset, int dataLen, bool isReliable)
        {
            return SendMessageToAll(data, dataOffset, dataLen, isReliable);
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
        /// <param name="dataOffset">Where the message begins.</param>
        /// <param name="dataLen">How many bytes it has.</param>
        /// <param name="isReliable">Whether it must arrive.</param>
        /// <returns>How many members it was taken for.</returns>
        /// <exception cref="ArgumentOutOfRangeException">That part is not inside the array.</exception>
        public int SendMessageToAll(byte[] data, int dataOffset, int dataLen, bool isReliable)
        {
            CheckPart(data, dataOffset, dataLen);
            return SendToAll(data, dataOffset, dataLen, isReliable);
        }

        private bool Send(ConnectionId connectionId, byte[] data, int offset, int length, bool isReliable)
        {
            uint connection = members.Find(connectionId);
            int code = Native.NotConnected;
            if (!lifetime.Ended && connection != 0)
            {
                code = SendTo(connection, data, offset, length, isReliable);
            }
            if (code == Native.Ok)
            {
                return true;
            }
            Refused(connectionId.ToString(), code, length);
            return false;
        }

        private int SendToAll(byte[] data, int offset, int length, bool isReliable)
        {
            int code = Native.InvalidHandle;
            if (!lifetime.Ended)
            {
                code = inbox.HasNewcomers()
                    ? SendToEach(members.Connections(), data, offset, length, isReliable)
                    : SendAtOnce(data, offset, length, isReliable);
            }
            if (code >= 0)
            {
                return code;
            }
            Refused("all", code, length);
            return 0;
        }

        // For the library everybody is there whose event it gave away. Who is not
        // in peers yet must first get what OnConnection has to say.
        private int SendToEach(uint[] connections, byte[] data, int offset, int length, bool isReliable)
        {
            int count = 0, refusal = 0;
            foreach (uint connection in connections)
            {
                int code = SendTo(connection, data, offset, length, isReliable);
                if (code == Native.Ok)
                {
                    count++;
                }
                else if (code != Native.NotConnected && refusal != Native.WouldBlock)
                {
                    refusal = code;
                }
            }
            return count > 0 ? count : refusal;
        }

        private int SendAtOnce(byte[] data, int offset, int length, bool isReliable)
        {
            return length > 0
                ? Native.P2P_SendMessageToAll(lifetime.Handle, ref data[offset], (uint)length, isReliable ? 1u : 0)
                : Native.P2P_SendMessageToAll(lifetime.Handle, ref Nothing[0], 0, isReliable ? 1u : 0);
        }

        private int SendTo(uint connection, byte[] data, int offset, int length, bool isReliable)
        {
            return length > 0
                ? Native.P2P_SendMessage(lifetime.Handle, connection, ref data[offset], (uint)length, isReliable ? 1u : 0)
                : Native.P2P_SendMessage(lifetime.Handle, connection, ref Nothing[0], 0, isReliable ? 1u : 0);
        }

        // A full buffer is asked again every frame, by many members: one line a
        // second is enough, and a line costs more than a frame has.
        private void Refused(string to, int code, int length)
        {
            if (code == Native.WouldBlock)
            {
                int now = Environment.TickCount;
                if (fullLogged && now - fullSince < FullMilliseconds)
                {
                    return;
                }
                fullLogged = true;
                fullSince = now;
            }
            P2PLog.Warn("not sent to " + to + ": " + Why(code, length));
        }

        private string Why(int code, int length)
        {
            if (lifetime.Ended || code == Native.InvalidHandle)
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

        private static void CheckPart(byte[] data, int dataOffset, int dataLen)
        {
            if (data == null)
            {
                throw new ArgumentNullException("data");
            }
            if (dataOffset < 0 || dataOffset > data.Length)
            {
                throw new ArgumentOutOfRangeException("dataOffset", dataOffset, "it must be from 0 to " + data.Length);
            }
            if (dataLen < 0 || dataLen > data.Length - dataOffset)
            {
                throw new ArgumentOutOfRangeException("dataLen", dataLen,
                    "it must be from 0 to " + (data.Length - dataOffset));
            }
        }
    }
}
