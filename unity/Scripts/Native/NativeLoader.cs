using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace UnityP2P
{
    /// <summary>
    /// Makes sure, once, that the native library is there and fits, and turns
    /// its errors into exceptions.
    /// </summary>
    internal static class NativeLoader
    {
        private const string Install =
            "Install the package from a release, which has the library for every platform, or build it with " +
            "build.sh, which puts it into Plugins; then restart the editor.";

#if !UNITY_WEBGL || UNITY_EDITOR
        private static volatile bool fits;
#endif

        /// <summary>Throws P2PException, with what to do, if the library cannot be used.</summary>
        public static void Require()
        {
#if UNITY_WEBGL && !UNITY_EDITOR
            throw new PlatformNotSupportedException(
                "UnityP2P does not run on WebGL yet; check Application.platform before you open a room.");
#else
            if (fits)
            {
                return;
            }
            uint abi;
            try
            {
                abi = Ask();
            }
            catch (DllNotFoundException e)
            {
                throw new P2PException(0, "UnityP2P's native library (unityp2p) is missing, or built for " +
                    "another processor or system than this one (" + Here() + "). " + Install, e);
            }
            catch (BadImageFormatException e)
            {
                throw new P2PException(0, "UnityP2P's native library (unityp2p) is built for another processor " +
                    "than this one (" + Here() + "). " + Install, e);
            }
            catch (EntryPointNotFoundException e)
            {
                throw new P2PException(0, "A library named unityp2p was loaded that is not UnityP2P's. " + Install, e);
            }
            if (abi != Native.AbiVersion)
            {
                throw new P2PException(0, "UnityP2P's native library and its scripts are of different releases " +
                    "(ABI " + abi + " and " + Native.AbiVersion + "): update both from the same release, then " +
                    "restart the editor, which keeps a loaded library until it ends.", null);
            }
            fits = true;
#endif
        }

        // Of its own, because the runtime may look for the library when it
        // compiles the method that calls it.
        [MethodImpl(MethodImplOptions.NoInlining)]
        private static uint Ask()
        {
            return Native.P2P_AbiVersion();
        }

        private static string Here()
        {
            return Environment.OSVersion.Platform + ", " + IntPtr.Size * 8 + " bit";
        }

        /// <summary>The exception for an error of a function that opens something.</summary>
        public static Exception Refusal(int code)
        {
            byte[] text = new byte[1024];
            int length = Native.P2P_LastError(0, ref text[0], (uint)text.Length);
            string sentence = length > 0 ? NativeText.Read(text) : NativeText.Read(Native.P2P_ErrorString(code));
            if (code == Native.InvalidArgument)
            {
                return new ArgumentException(sentence);
            }
            return new P2PException(code, sentence, null);
        }
    }
}
