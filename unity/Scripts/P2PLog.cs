using System;

namespace UnityP2P
{
    /// <summary>How much a log line matters, and which are kept.</summary>
    public enum P2PLogLevel
    {
        /// <summary>Nothing.</summary>
        None = 0,

        /// <summary>What does not work, and exceptions of callbacks.</summary>
        Error = 1,

        /// <summary>What is tried again, and calls that had no effect. The default.</summary>
        Warning = 2,

        /// <summary>What happens.</summary>
        Info = 3,

        /// <summary>How it happens.</summary>
        Debug = 4
    }

    /// <summary>
    /// Where log lines go: Unity's console, or the error output of a program
    /// without Unity. No line has a token, a password or a message's content.
    /// </summary>
    public static partial class P2PLog
    {
        private static P2PLogLevel level = P2PLogLevel.Warning;
        private static Action<P2PLogLevel, string> sink = Start();

        /// <summary>Takes log lines, from any thread. Null for none.</summary>
        public static Action<P2PLogLevel, string> Sink
        {
            get { return sink; }
            set { sink = value; }
        }

        /// <summary>Lines that matter less are dropped.</summary>
        public static P2PLogLevel Level
        {
            get { return level; }
            set
            {
                if (value < P2PLogLevel.None || value > P2PLogLevel.Debug)
                {
                    throw new ArgumentOutOfRangeException("value");
                }
                level = value;
                P2PRooms.SetLogLevel(value);
            }
        }

        /// <summary>As at the start of the process: what one run set is not there in the next.</summary>
        internal static void Reset()
        {
            sink = Start();
            Level = P2PLogLevel.Warning;
        }

        internal static void Warn(string line)
        {
            Write(P2PLogLevel.Warning, line);
        }

        internal static void Error(string line)
        {
            Write(P2PLogLevel.Error, line);
        }

        /// <summary>Logs what a callback of the game threw.</summary>
        internal static void Exception(string callback, Exception thrown)
        {
            string text;
            try
            {
                text = thrown.ToString();
            }
            catch (Exception)
            {
                text = thrown.GetType().FullName; // its ToString throws as well
            }
            Write(P2PLogLevel.Error, "an exception in " + callback + ": " + text);
        }

        // A sink that throws must not cost the events behind it.
        internal static void Write(P2PLogLevel lineLevel, string line)
        {
            Action<P2PLogLevel, string> to = sink;
            if (to == null || lineLevel > level)
            {
                return;
            }
            try
            {
                to(lineLevel, line);
            }
            catch (Exception)
            {
            }
        }

        private static Action<P2PLogLevel, string> Start()
        {
            Action<P2PLogLevel, string> engine = WriteToConsole;
            UseEngine(ref engine);
            return engine;
        }

        static partial void UseEngine(ref Action<P2PLogLevel, string> engine);

        private static void WriteToConsole(P2PLogLevel lineLevel, string line)
        {
            Console.Error.WriteLine("UnityP2P: " + line);
        }
    }
}
