using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;

namespace UnityP2P
{
    /// <summary>Texts on their way to the library, as UTF-8 that ends in NUL, and back.</summary>
    internal sealed class NativeText : IDisposable
    {
        private static readonly UTF8Encoding Utf8 = new UTF8Encoding(false, true);
        private readonly List<IntPtr> owned = new List<IntPtr>();

        /// <summary>Copies a text; it lives as long as this object. Null becomes NULL.</summary>
        public IntPtr Copy(string text, string name)
        {
            if (text == null)
            {
                return IntPtr.Zero;
            }
            if (text.IndexOf('\0') >= 0)
            {
                throw new ArgumentException("it has a character U+0000", name);
            }
            byte[] bytes;
            try
            {
                bytes = Utf8.GetBytes(text);
            }
            catch (EncoderFallbackException e)
            {
                throw new ArgumentException("it has half of a surrogate pair", name, e);
            }
            IntPtr memory = Marshal.AllocHGlobal(bytes.Length + 1);
            owned.Add(memory);
            Marshal.Copy(bytes, 0, memory, bytes.Length);
            Marshal.WriteByte(memory, bytes.Length, 0);
            return memory;
        }

        /// <summary>Frees all copies.</summary>
        public void Dispose()
        {
            foreach (IntPtr memory in owned)
            {
                Marshal.FreeHGlobal(memory);
            }
            owned.Clear();
        }

        /// <summary>The text up to the first NUL.</summary>
        public static string Read(byte[] text)
        {
            int end = Array.IndexOf(text, (byte)0);
            return Encoding.UTF8.GetString(text, 0, end < 0 ? text.Length : end);
        }

        /// <summary>The text that a static pointer of the library leads to.</summary>
        public static string Read(IntPtr text)
        {
            if (text == IntPtr.Zero)
            {
                return "";
            }
            int length = 0;
            while (Marshal.ReadByte(text, length) != 0)
            {
                length++;
            }
            byte[] bytes = new byte[length];
            Marshal.Copy(text, bytes, 0, length);
            return Encoding.UTF8.GetString(bytes);
        }
    }
}
