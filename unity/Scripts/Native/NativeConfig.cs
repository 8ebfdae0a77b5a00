using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;

namespace UnityP2P
{
    /// <summary>Turns a P2PConfig into the library's.</summary>
    internal static class NativeConfig
    {
        private const int SendBuffer = 16 << 20;
        private static readonly string[] IceSchemes = { "stun:", "stuns:", "turn:", "turns:" };

        /// <summary>Opens a room, and returns its handle.</summary>
        public static ulong Open(bool host, string signalingServer, string roomName, P2PConfig config)
        {
            if (signalingServer == null)
            {
                throw new ArgumentNullException("signalingServer");
            }
            if (roomName == null)
            {
                throw new ArgumentNullException("roomName");
            }
            NativeLoader.Require();
            using (NativeText texts = new NativeText())
            {
                Native.Config raw = Convert(texts, signalingServer, roomName, config ?? new P2PConfig());
                ulong handle;
                int code = host ? Native.P2P_CreateServer(ref raw, out handle) : Native.P2P_CreateClient(ref raw, out handle);
                if (code != Native.Ok)
                {
                    throw NativeLoader.Refusal(code);
                }
                return handle;
            }
        }

        private static Native.Config Convert(NativeText texts, string signalingServer, string roomName, P2PConfig config)
        {
            Native.Config raw = new Native.Config();
            raw.struct_size = (uint)Marshal.SizeOf(typeof(Native.Config));
            raw.signaling_url = texts.Copy(signalingServer, "signalingServer");
            raw.room = texts.Copy(roomName, "roomName");
            raw.token = texts.Copy(config.Token, "Token");
            raw.tls_pin = texts.Copy(config.TlsPin, "TlsPin");
            raw.ice_servers = texts.Copy(Lines(config.IceServers), "IceServers");
            raw.loopback = (uint)config.Loopback;
            raw.networks = (config.UseIPv4 ? 1u : 0u) | (config.UseIPv6 ? 2u : 0u);
            if (raw.networks == 0)
            {
                throw new ArgumentException("neither IPv4 nor IPv6 may be used", "UseIPv4");
            }
            raw.port_min = (ushort)InRange(config.PortMin, 65535, "PortMin");
            raw.port_max = (ushort)InRange(config.PortMax, 65535, "PortMax");
            raw.max_message = InRange(config.MaxMessageSize, int.MaxValue, "MaxMessageSize");
            raw.send_buffer = config.SendBuffer == 0 ? SendBuffer : InRange(config.SendBuffer, int.MaxValue, "SendBuffer");
            raw.receive_buffer = InRange(config.ReceiveBuffer, int.MaxValue, "ReceiveBuffer");
            raw.unreliable_buffer = InRange(config.UnreliableBuffer, int.MaxValue, "UnreliableBuffer");
            raw.max_members = InRange(config.MaxMembers, int.MaxValue, "MaxMembers");
            raw.unreachable_after_ms = InRange(config.UnreachableAfterMilliseconds, int.MaxValue, "UnreachableAfterMilliseconds");
            raw.disconnect_after_ms = InRange(config.DisconnectAfterMilliseconds, int.MaxValue, "DisconnectAfterMilliseconds");
            raw.connect_timeout_ms = InRange(config.ConnectTimeoutMilliseconds, int.MaxValue, "ConnectTimeoutMilliseconds");
            raw.unreliable_max_age_ms = InRange(config.UnreliableMaxAgeMilliseconds, int.MaxValue, "UnreliableMaxAgeMilliseconds");
            raw.via_host = config.UseHostAsRelay ? 0u : 1u;
            raw.via_host_rate = InRange(config.HostRelayBytesPerSecond, int.MaxValue, "HostRelayBytesPerSecond");
            InRange(config.MaxUpdateMilliseconds, int.MaxValue, "MaxUpdateMilliseconds");
            return raw;
        }

        // What is larger than the library allows, it says itself.
        private static uint InRange(int value, int max, string name)
        {
            if (value < 0 || value > max)
            {
                throw new ArgumentOutOfRangeException(name, value, "it must be from 0 to " + max);
            }
            return (uint)value;
        }

        /// <summary>One server a line: "URL [username credential]".</summary>
        private static string Lines(List<P2PIceServer> servers)
        {
            if (servers == null)
            {
                return null;
            }
            StringBuilder lines = new StringBuilder();
            foreach (P2PIceServer server in servers)
            {
                if (lines.Length > 0)
                {
                    lines.Append('\n');
                }
                lines.Append(IceUrl(server.Url));
                if (!string.IsNullOrEmpty(server.Username) || !string.IsNullOrEmpty(server.Credential))
                {
                    lines.Append(' ').Append(Word(server.Username, "Username"));
                    lines.Append(' ').Append(Word(server.Credential, "Credential"));
                }
            }
            return lines.ToString();
        }

        private static string IceUrl(string url)
        {
            Word(url, "Url");
            foreach (string scheme in IceSchemes)
            {
                if (url.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
                {
                    return url;
                }
            }
            throw new ArgumentException("\"" + url + "\" does not begin with stun:, stuns:, turn: or turns:", "Url");
        }

        private static string Word(string text, string name)
        {
            if (string.IsNullOrEmpty(text))
            {
                throw new ArgumentException("an ICE server has none", name);
            }
            foreach (char c in text)
            {
                if (char.IsWhiteSpace(c))
                {
                    throw new ArgumentException("an ICE server's has a space in it", name);
                }
            }
            return text;
        }
    }
}
