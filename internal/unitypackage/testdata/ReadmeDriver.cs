using System;
using System.Collections.Generic;
using System.Text;
using System.Threading;
using UnityEngine;
using UnityP2P;

/// <summary>
/// Runs the README's code: sends with its snippets, and prints what comes, with
/// its flags, until it is told to quit.
/// </summary>
internal static class Driver
{
    private static volatile bool quit;

    private static void Main(string[] args)
    {
        Talk.Name = args[0];
        Thread reader = new Thread(() =>
        {
            string line = Console.ReadLine();
            quit = line == null || line == "quit";
        });
        reader.IsBackground = true;
        reader.Start();
        Simulation.IsEditor = false;
        MonoBehaviour behaviour = args[0] == "server" ? (MonoBehaviour)new ReadmeServer() : new ReadmeClient();
        Simulation.Play(typeof(P2PServer).Assembly, behaviour);
        while (!quit)
        {
            Simulation.Frame();
            Thread.Sleep(5);
        }
        Simulation.Stop();
    }
}

/// <summary>What server and client have in common.</summary>
internal sealed class Talk
{
    public static string Name;

    private readonly P2PRoom room;
    private readonly Action<ConnectionId, byte[]> send;
    private readonly Action<byte[], int, int, bool> sendAll;
    private readonly HashSet<string> heard = new HashSet<string>();
    private readonly HashSet<ConnectionId> heardFrom = new HashSet<ConnectionId>();
    private int frames;
    private bool told;

    public Talk(P2PRoom room, Func<NetworkEvent, bool> isReliable, Action<ConnectionId, byte[]> send,
        Action<byte[], int, int, bool> sendAll)
    {
        this.room = room;
        this.send = send;
        this.sendAll = sendAll;
        room.OnConnection += Connected;
        room.OnReceivedMessage += message => Received(message, isReliable(message));
        room.OnDisconnection += id => Debug.Log(room.peers.Count + " peers are left");
    }

    private void Connected(ConnectionId id)
    {
        send(id, Encoding.UTF8.GetBytes("hello from " + Name));
        byte[] padded = Encoding.UTF8.GetBytes("..part from " + Name + "..");
        room.SendMessage(id, padded, 2, padded.Length - 4, true);
    }

    private void Received(NetworkEvent message, bool isReliable)
    {
        MessageData data = message.MessageData;
        string text = Encoding.UTF8.GetString(data.Buffer, data.Offset, data.ContentLength);
        if (isReliable != (message.Type == NetEventType.ReliableMessageReceived))
        {
            Debug.Log("the flag is wrong");
        }
        heardFrom.Add(message.ConnectionId);
        if (text.Length > 0 && heard.Add(text + isReliable))
        {
            Debug.Log("says " + text + " " + message.Type);
        }
    }

    public void Frame()
    {
        if (++frames % 20 == 0)
        {
            // Unreliable, so again and again.
            byte[] quick = Encoding.UTF8.GetBytes("quick from " + Name);
            sendAll(quick, 0, quick.Length, false);
        }
        P2PStats stats;
        if (!told && heardFrom.Count == 3)
        {
            foreach (ConnectionId id in heardFrom)
            {
                // Peer reflexive: a check came before the candidate that it came from.
                if (!room.TryGetStats(id, out stats) || (stats.Path != P2PPath.Host && stats.Path != P2PPath.PeerReflexive))
                {
                    return;
                }
            }
            told = true;
            Debug.Log(heardFrom.Count + " distinct peers, directly");
        }
    }
}

public partial class ReadmeServer
{
    private Talk talk;

    private void Started()
    {
        talk = new Talk(server, IsReliable, Send, SendToAll);
    }

    private void Frame()
    {
        talk.Frame();
    }
}

public partial class ReadmeClient
{
    private Talk talk;

    private void Started()
    {
        talk = new Talk(client, IsReliable, Send, SendToAll);
    }

    private void Frame()
    {
        talk.Frame();
    }
}
