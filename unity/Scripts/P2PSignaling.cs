using System;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;

namespace UnityP2P
{
    /// <summary>
    /// A signaling server inside this process, for a LAN and for trying things
    /// out: nothing to deploy. It takes rooms of all games that know its
    /// address. Call UpdateSignaling every frame.
    /// </summary>
    public sealed class P2PSignaling : IDisposable, IReceiver
    {
        /// <summary>The port that the constructor without one listens on.</summary>
        public const int DefaultPort = 12776;

        /// <summary>Takes the port that it listens on.</summary>
        public delegate void OnListeningCallback(int port);

        /// <summary>Takes what stands in the way.</summary>
        public delegate void OnErrorCallback(P2PError error);

        private readonly Handlers listening = new Handlers();
        private readonly Handlers failed = new Handlers();
        private readonly NativeLifetime lifetime;
        private readonly Inbox inbox;
        private P2PState state;

        /// <summary>Listens on DefaultPort, on all addresses of this machine.</summary>
        public P2PSignaling()
            : this(DefaultPort, null)
        {
        }

        /// <summary>Listens on a port. Returns at once; State, OnListening and OnError tell what came of it.</summary>
        /// <param name="port">1 to 65535; 0 for any that is free.</param>
        /// <param name="address">The IP address to listen on; null for all of this machine's.</param>
        public P2PSignaling(int port, string address)
        {
            if (port < 0 || port > 65535)
            {
                throw new ArgumentOutOfRangeException("port", port, "it must be from 0 to 65535");
            }
            IPAddress parsed;
            if (address != null && !IPAddress.TryParse(address, out parsed))
            {
                throw new ArgumentException("it must be an IP address, such as 127.0.0.1", "address");
            }
            NativeLoader.Require();
            using (NativeText texts = new NativeText())
            {
                Native.SignalingConfig config = new Native.SignalingConfig();
                config.struct_size = (uint)Marshal.SizeOf(typeof(Native.SignalingConfig));
                config.port = port == 0 ? Native.AnyPort : (uint)port;
                config.address = texts.Copy(address, "address");
                ulong handle;
                int code = Native.P2P_StartSignaling(ref config, out handle);
                if (code != Native.Ok)
                {
                    throw NativeLoader.Refusal(code);
                }
                lifetime = P2PRooms.Add(handle);
            }
            inbox = new Inbox(lifetime, 0);
        }

        /// <summary>Disposes what the game forgot.</summary>
        ~P2PSignaling()
        {
            End();
        }

        /// <summary>It listens. Raised inside UpdateSignaling.</summary>
        public event OnListeningCallback OnListening
        {
            add { listening.Add(value); }
            remove { listening.Remove(value); }
        }

        /// <summary>It cannot listen, and says why. Raised inside UpdateSignaling.</summary>
        public event OnErrorCallback OnError
        {
            add { failed.Add(value); }
            remove { failed.Remove(value); }
        }

        /// <summary>How far it has come, as of the last UpdateSignaling.</summary>
        public P2PState State
        {
            get { return lifetime.Ended ? P2PState.Disposed : state; }
        }

        /// <summary>The port that it listens on; 0 while it does not.</summary>
        public int Port { get; private set; }

        /// <summary>Its address for rooms on this machine; others put this machine's address in. Null while it does not listen.</summary>
        public string LocalUrl
        {
            get { return Port == 0 ? null : "ws://127.0.0.1:" + Port; }
        }

        /// <summary>Raises what came since the last call; call it in Update().</summary>
        public void UpdateSignaling()
        {
            if (!lifetime.Ended)
            {
                LogLines.Poll();
                inbox.Take(this);
            }
        }

        /// <summary>Stops it. Rooms go on without it. May be called any number of times.</summary>
        public void Dispose()
        {
            GC.SuppressFinalize(this);
            End();
        }

        private void End()
        {
            if (lifetime == null)
            {
                return; // the constructor threw
            }
            P2PRooms.End(lifetime);
            if (inbox != null)
            {
                inbox.Free();
            }
        }

        void IReceiver.Receive(ref Native.Event e, byte[] arena)
        {
            if (e.type == Native.EventSignalingOpen)
            {
                state = P2PState.Connected;
                Port = e.code;
                RaiseListening();
            }
            else if (e.type == Native.EventRoomTrouble)
            {
                string sentence = Encoding.UTF8.GetString(arena, (int)e.data_offset, (int)e.data_length);
                Trouble(new P2PError((P2PErrorCode)e.code, (e.flags & Native.FlagFinal) != 0, sentence));
            }
        }

        private void Trouble(P2PError error)
        {
            P2PLog.Write(error.IsFinal ? P2PLogLevel.Error : P2PLogLevel.Warning, "signaling: " + error);
            state = error.IsFinal ? P2PState.Failed : P2PState.Connecting;
            foreach (Delegate handler in failed.List)
            {
                if (lifetime.Ended)
                {
                    return;
                }
                try
                {
                    ((OnErrorCallback)handler)(error);
                }
                catch (Exception e)
                {
                    P2PLog.Exception("OnError", e);
                }
            }
        }

        private void RaiseListening()
        {
            foreach (Delegate handler in listening.List)
            {
                if (lifetime.Ended)
                {
                    return;
                }
                try
                {
                    ((OnListeningCallback)handler)(Port);
                }
                catch (Exception e)
                {
                    P2PLog.Exception("OnListening", e);
                }
            }
        }
    }
}
