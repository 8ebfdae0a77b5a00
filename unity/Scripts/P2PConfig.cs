using System.Collections.Generic;

namespace UnityP2P
{
    /// <summary>Whether addresses of this machine alone (127.0.0.1) are used.</summary>
    public enum P2PLoopback
    {
        /// <summary>Included if the signaling server's address names this machine.</summary>
        Auto = 0,

        /// <summary>Never.</summary>
        Never = 1,

        /// <summary>As well as the network's addresses.</summary>
        Include = 2,

        /// <summary>Nothing else: nothing leaves this machine. For tests.</summary>
        Only = 3
    }

    /// <summary>What a room may use besides its two names. What is left alone has its default.</summary>
    public sealed class P2PConfig
    {
        /// <summary>For the signaling server, which may want one; null for none.</summary>
        public string Token;

        /// <summary>
        /// The SHA-256 fingerprint of the one certificate that is trusted for wss://,
        /// whoever made it: 64 hexadecimal digits. Null: the system says what is trusted.
        /// </summary>
        public string TlsPin;

        /// <summary>
        /// STUN and TURN servers. Null: those that the signaling server hands out,
        /// else stun:stun.l.google.com:19302, as in the original. Empty: none, which
        /// is enough on a LAN.
        /// </summary>
        public List<P2PIceServer> IceServers;

        /// <summary>Whether IPv4 is used.</summary>
        public bool UseIPv4 = true;

        /// <summary>Whether IPv6 is used.</summary>
        public bool UseIPv6 = true;

        /// <summary>Whether addresses of this machine alone are used.</summary>
        public P2PLoopback Loopback = P2PLoopback.Auto;

        /// <summary>First UDP port to use, 1 to 65535; 0 for any.</summary>
        public int PortMin;

        /// <summary>Last UDP port to use, from PortMin to 65535; 0 for any.</summary>
        public int PortMax;

        /// <summary>Largest message in bytes, at most 16 MiB; 0 for that.</summary>
        public int MaxMessageSize;

        /// <summary>
        /// Reliable bytes, a connection, that SendMessage takes before the
        /// network had them; beyond it SendMessage returns false. 64 KiB to
        /// 256 MiB; 0 for 16 MiB.
        /// </summary>
        public int SendBuffer;

        /// <summary>
        /// Reliable bytes, a connection, that wait for an Update before the
        /// sender is held. 64 KiB to 256 MiB; 0 for 2 MiB.
        /// </summary>
        public int ReceiveBuffer;

        /// <summary>
        /// Unreliable bytes, a connection, that wait for an Update before the
        /// oldest are dropped. 64 KiB to 256 MiB; 0 for 1 MiB.
        /// </summary>
        public int UnreliableBuffer;

        /// <summary>
        /// How long, in ms, an unreliable message may wait here before it is dropped
        /// instead of sent late; P2PStats.DroppedSent counts them. 10 to 3600000; 0 for
        /// 100.
        /// </summary>
        public int UnreliableMaxAgeMilliseconds;

        /// <summary>Server: how many clients get in, at most 1024; 0 for 64.</summary>
        public int MaxMembers;

        /// <summary>
        /// Whether two clients that do not reach each other may talk through the
        /// server's game. Server: it passes nothing on if not. Client: it is not reached
        /// so. What goes that way the server's game could read, drop or forge; nobody
        /// else could.
        /// </summary>
        public bool UseHostAsRelay = true;

        /// <summary>
        /// Server: how many bytes a second it passes on, of all clients together; 0 for
        /// any number, else at least 16384.
        /// </summary>
        public int HostRelayBytesPerSecond;

        /// <summary>Silence, in ms, before OnReachabilityChanged; 500 to 3600000; 0 for 5000.</summary>
        public int UnreachableAfterMilliseconds;

        /// <summary>Silence, in ms, before OnDisconnection; more than UnreachableAfterMilliseconds; 0 for 30000.</summary>
        public int DisconnectAfterMilliseconds;

        /// <summary>How long, in ms, one attempt to connect to one member may take; 0 for 30000.</summary>
        public int ConnectTimeoutMilliseconds;

        /// <summary>
        /// How long, in ms, one Update may raise events while more are coming;
        /// what is left comes with the next. 0 for 10.
        /// </summary>
        public int MaxUpdateMilliseconds;

        /// <summary>
        /// For development: overwrites every message when its callbacks have
        /// returned, so that code that kept the buffer shows itself.
        /// </summary>
        public bool OverwriteUsedBuffers;
    }

    /// <summary>A STUN or TURN server.</summary>
    public struct P2PIceServer
    {
        /// <summary>"stun:host:port", "turn:host:port?transport=udp" or "turns:…".</summary>
        public string Url;

        /// <summary>For TURN; else null.</summary>
        public string Username;

        /// <summary>For TURN; else null.</summary>
        public string Credential;

        /// <summary>A STUN server.</summary>
        public P2PIceServer(string url)
            : this(url, null, null)
        {
        }

        /// <summary>A TURN server.</summary>
        public P2PIceServer(string url, string username, string credential)
        {
            Url = url;
            Username = username;
            Credential = credential;
        }
    }
}
