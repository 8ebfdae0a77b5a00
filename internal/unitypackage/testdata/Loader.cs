using System;
using UnityP2P;

/// <summary>Opens a room, and prints what came of it.</summary>
internal static class Loader
{
    private static void Main()
    {
        for (int i = 0; i < 2; i++)
        {
            try
            {
                new P2PServer("ws://127.0.0.1:1", "room").Dispose();
                Console.WriteLine("opened");
            }
            catch (Exception e)
            {
                Console.WriteLine(e.GetType() + ": " + e.Message);
            }
        }
        P2PRooms.Suspend();
        P2PRooms.Resume();
        P2PRooms.DisposeAll();
        P2PRooms.Quit();
        P2PLog.Level = P2PLogLevel.Debug;
    }
}
