using System;
using System.Runtime.InteropServices;
using System.Text;

namespace UnityP2P
{
    /// <summary>The constants and structs of include/p2p.h, all of them blittable.</summary>
    internal static partial class Native
    {
        /// <summary>The ABI that this file is written for.</summary>
        public const uint AbiVersion = 1;

        public const int Ok = 0;
        public const int InvalidHandle = -1;
        public const int InvalidArgument = -2;
        public const int NotConnected = -4;
        public const int TooLarge = -5;
        public const int WouldBlock = -6;
        public const int Busy = -7;

        public const uint EventRoomOpen = 1;
        public const uint EventRoomTrouble = 2;
        public const uint EventConnected = 3;
        public const uint EventDisconnected = 4;
        public const uint EventMessage = 5;
        public const uint EventUnreachable = 6;
        public const uint EventReachable = 7;
        public const uint EventSignalingOpen = 8;
        public const uint EventPathChanged = 9;

        public const uint FlagReliable = 1;
        public const uint FlagFinal = 2;
        public const uint FlagOriginal = 4;
        public const uint FlagHost = 8;

        [StructLayout(LayoutKind.Sequential)]
        public struct Config
        {
            public uint struct_size;
            public uint loopback;
            public IntPtr signaling_url;
            public IntPtr room;
            public IntPtr token;
            public IntPtr ice_servers;
            public uint networks;
            public ushort port_min;
            public ushort port_max;
            public uint max_message;
            public uint send_buffer;
            public uint receive_buffer;
            public uint unreliable_buffer;
            public uint max_members;
            public uint unreachable_after_ms;
            public uint disconnect_after_ms;
            public uint connect_timeout_ms;
            public IntPtr tls_pin;
            public uint unreliable_max_age_ms;
            public uint via_host;
            public uint via_host_rate;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Event
        {
            public uint type;
            public uint connection;
            public uint flags;
            public int code;
            public ulong member;
            public uint data_offset;
            public uint data_length;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Batch
        {
            public uint struct_size;
            public uint event_count;
            public IntPtr arena;
            public uint arena_size;
            public uint arena_used;
            public uint needed;
            public uint more;
        }

        /// <summary>char[64]: a text of at most 63 bytes and a NUL.</summary>
        [StructLayout(LayoutKind.Sequential)]
        public struct Text64
        {
            public ulong a, b, c, d, e, f, g, h;

            public override string ToString()
            {
                byte[] bytes = new byte[64];
                ulong[] words = { a, b, c, d, e, f, g, h };
                Buffer.BlockCopy(words, 0, bytes, 0, bytes.Length);
                int end = Array.IndexOf(bytes, (byte)0);
                return Encoding.UTF8.GetString(bytes, 0, end < 0 ? bytes.Length : end);
            }
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Stats
        {
            public uint struct_size;
            public uint age_ms;
            public uint path;
            public uint rtt_us;
            public uint connected_ms;
            public uint members;
            public ulong bytes_sent;
            public ulong bytes_received;
            public ulong messages_sent;
            public ulong messages_received;
            public ulong unsent_bytes;
            public ulong dropped_sent;
            public ulong dropped_received;
            public ulong member;
            public Text64 local_candidate;
            public Text64 remote_candidate;
            public ulong passed_bytes;
            public ulong passed_dropped;
        }

        public static readonly uint StatsSize = (uint)Marshal.SizeOf(typeof(Stats));

        [StructLayout(LayoutKind.Sequential)]
        public struct NetworkConditions
        {
            public uint struct_size;
            public uint seed;
            public uint send_latency_ms;
            public uint send_jitter_ms;
            public float send_loss_percent;
            public float send_duplication_percent;
            public float send_reordering_percent;
            public uint send_rate_kbit;
            public uint receive_latency_ms;
            public uint receive_jitter_ms;
            public float receive_loss_percent;
            public float receive_duplication_percent;
            public float receive_reordering_percent;
            public uint receive_rate_kbit;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct SignalingConfig
        {
            public uint struct_size;
            public uint port;
            public IntPtr address;
        }

        public const uint AnyPort = 0xffffffff;
    }
}
