using System;
using System.Threading;
using UnityEngine;
using UnityP2P;

/// <summary>
/// A player on a phone, or a desktop: follows what the test types: "pause",
/// "resume", "quit". Prints what happens to its room.
/// </summary>
internal static class Phone
{
    private static volatile string order = "";

    private static void Main(string[] args)
    {
        Simulation.IsEditor = false;
        Simulation.IsMobile = args[0] == "phone";
        Simulation.QuittingIsFirst = Simulation.IsMobile;
        Thread reader = new Thread(() =>
        {
            string line;
            while ((line = Console.ReadLine()) != null)
            {
                while (order != "")
                {
                    Thread.Sleep(1);
                }
                order = line;
            }
        });
        reader.IsBackground = true;
        reader.Start();
        P2PConfig config = new P2PConfig
        {
            Loopback = P2PLoopback.Only,
            IceServers = new System.Collections.Generic.List<P2PIceServer>(),
            UnreachableAfterMilliseconds = 500
        };
        Simulation.Play(typeof(P2PServer).Assembly);
        P2PRoom room = args[1] == "host"
            ? (P2PRoom)new P2PServer(args[2], "phone", config)
            : new P2PClient(args[2], "phone", config);
        room.OnConnection += id => Console.WriteLine("connected");
        room.OnReachabilityChanged += (id, reachable) => Console.WriteLine(reachable ? "reachable" : "unreachable");
        room.OnDisconnection += id => Console.WriteLine("gone: " + room.LastDisconnectReason);
        room.OnStateChanged += state => Console.WriteLine("state " + state);
        room.OnReceivedMessage += message => Console.WriteLine("heard " + message.MessageData.ContentLength);
        while (order != "quit")
        {
            if (order == "pause" || order == "resume")
            {
                Simulation.Pause(order == "pause");
                Console.WriteLine(order + "d");
                order = "";
            }
            else if (order == "send")
            {
                room.SendMessageToAll(new byte[7], true);
                order = "";
            }
            Update(room);
            Thread.Sleep(1);
        }
        // The game does not dispose: quitting alone must say goodbye.
        Simulation.Stop();
    }

    private static void Update(P2PRoom room)
    {
        P2PServer server = room as P2PServer;
        if (server != null)
        {
            server.UpdateServer();
        }
        else
        {
            ((P2PClient)room).UpdateClient();
        }
    }
}
