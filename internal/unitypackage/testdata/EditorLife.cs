using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Reflection;
using System.Threading;
using UnityEngine;
using UnityP2P;

/// <summary>
/// The life of an editor: this process is the editor, and each AppDomain the
/// scripts between two reloads. Prints what a test awaits, "leak" or "late" if
/// something is wrong.
/// </summary>
internal static class EditorLife
{
    private static int Main(string[] args)
    {
        bool withEditorScripts = args[0] != "scripts-only";
        Scripts scripts = Load(withEditorScripts);
        for (int i = 0; i < 2; i++)
        {
            scripts.Play();
            scripts.SetLog();
            scripts.Talk();
            scripts.QuitsFirst(i == 1);
            scripts.Stop();
            scripts.NothingIsOpen("after a run");
            Console.WriteLine("run " + i + " done");
        }
        scripts.PlayWithoutDisposing();
        scripts.Stop();
        scripts.NothingIsOpen("after a run that forgot to dispose");
        scripts = Reload(scripts);
        scripts.Play();
        scripts.Talk();
        // Scripts were changed: they are reloaded while the game plays.
        scripts = Reload(scripts);
        scripts.NothingIsOpen("after a reload amid a run");
        scripts.Play();
        scripts.Talk();
        scripts.Quit();
        Console.WriteLine("quit");
        return 0;
    }

    private static Scripts Load(bool withEditorScripts)
    {
        AppDomain domain = AppDomain.CreateDomain("scripts", null, AppDomain.CurrentDomain.SetupInformation);
        Scripts scripts = (Scripts)domain.CreateInstanceAndUnwrap(typeof(Scripts).Assembly.FullName, typeof(Scripts).FullName);
        scripts.Enter(withEditorScripts);
        return scripts;
    }

    private static Scripts Reload(Scripts old)
    {
        bool withEditorScripts = old.BeforeReload();
        AppDomain.Unload(old.Domain);
        Console.WriteLine("reloaded");
        return Load(withEditorScripts);
    }
}

/// <summary>What happens in the scripts' domain.</summary>
internal sealed class Scripts : MarshalByRefObject
{
    private const int MaxHandles = 256;
    public const int NoHandleFree = -9;

    private readonly Action<P2PLogLevel, string> sink = (level, line) => { };
    private bool withEditorScripts;
    private Game game;

    public AppDomain Domain { get { return AppDomain.CurrentDomain; } }

    public override object InitializeLifetimeService()
    {
        return null;
    }

    public void Enter(bool editorScripts)
    {
        withEditorScripts = editorScripts;
        if (editorScripts)
        {
            Simulation.LoadEditor(Assembly.Load("UnityP2P.Editor"));
        }
    }

    public bool BeforeReload()
    {
        Simulation.BeforeReload();
        return withEditorScripts;
    }

    public void Play()
    {
        game = new Game();
        Simulation.Play(typeof(P2PServer).Assembly, game);
        if (game.Server.State != P2PState.Connecting || P2PRooms.Count != 3)
        {
            throw new InvalidOperationException("something is left of the run before: " + P2PRooms.Count);
        }
    }

    /// <summary>What a game may set, and must not find again in its next run.</summary>
    public void SetLog()
    {
        if (P2PLog.Sink == sink || P2PLog.Level != P2PLogLevel.Warning)
        {
            Console.WriteLine("late: the log of the last run");
        }
        P2PLog.Sink = sink;
        P2PLog.Level = P2PLogLevel.Error;
    }

    public void QuitsFirst(bool quittingIsFirst)
    {
        Simulation.QuittingIsFirst = quittingIsFirst;
    }

    public void PlayWithoutDisposing()
    {
        game = new Game { Forgets = true };
        Simulation.Play(typeof(P2PServer).Assembly, game);
        Talk();
    }

    /// <summary>Frames until both have heard each other.</summary>
    public void Talk()
    {
        Stopwatch clock = Stopwatch.StartNew();
        while (game.Heard < 2)
        {
            Simulation.Frame();
            Thread.Sleep(5);
            if (clock.Elapsed.TotalSeconds > 60)
            {
                throw new TimeoutException("they never heard each other");
            }
        }
    }

    public void Stop()
    {
        Simulation.Stop();
        // Whoever still updates the last run's rooms hears nothing.
        int events = game.Events;
        for (int i = 0; i < 50; i++)
        {
            game.Server.UpdateServer();
            game.Client.UpdateClient();
            Thread.Sleep(1);
        }
        if (game.Events != events)
        {
            Console.WriteLine("late: an event of the last run");
        }
    }

    public void Quit()
    {
        Stopwatch clock = Stopwatch.StartNew();
        Simulation.Stop();
        Simulation.QuitEditor();
        try
        {
            new P2PServer("ws://127.0.0.1:1", "late").Dispose();
        }
        catch (P2PException e)
        {
            Console.WriteLine("refused: " + e.Message);
        }
        if (clock.Elapsed.TotalSeconds > 5)
        {
            Console.WriteLine("late: quitting took " + clock.Elapsed);
        }
    }

    /// <summary>Counts the library's handles: as many as there may be can be opened.</summary>
    public void NothingIsOpen(string when)
    {
        Stopwatch clock = Stopwatch.StartNew();
        int free;
        while ((free = Free(MaxHandles)) < MaxHandles)
        {
            if (clock.Elapsed.TotalSeconds > 30)
            {
                Console.WriteLine("leak " + when + ": " + (MaxHandles - free) + " handles");
                return;
            }
            Thread.Sleep(100);
        }
        if (P2PRooms.Count != 0)
        {
            Console.WriteLine("leak " + when + ": the scripts count " + P2PRooms.Count);
        }
    }

    /// <summary>How many of so many can be opened.</summary>
    private static int Free(int wanted)
    {
        List<P2PClient> all = new List<P2PClient>();
        try
        {
            while (all.Count < wanted)
            {
                all.Add(new P2PClient("ws://127.0.0.1:1", "count"));
            }
        }
        catch (P2PException e)
        {
            if (e.Code != NoHandleFree)
            {
                throw;
            }
        }
        foreach (P2PClient client in all)
        {
            client.Dispose();
        }
        return all.Count;
    }
}

/// <summary>A game with a server, a client and a signaling server.</summary>
internal sealed class Game : MonoBehaviour
{
    public bool Forgets;
    public int Heard;
    public int Events;
    public P2PServer Server;
    public P2PClient Client;
    private P2PSignaling signaling;

    private void Start()
    {
        signaling = Open(() => new P2PSignaling(0, "127.0.0.1"));
        // The rooms need the port; meanwhile they try in vain, as a game's would.
        signaling.OnListening += Meet;
        Server = Open(() => new P2PServer("ws://127.0.0.1:1", "nowhere"));
        Client = Open(() => new P2PClient("ws://127.0.0.1:1", "nowhere"));
    }

    // All handles were just counted, and some are still closing.
    private static T Open<T>(Func<T> open)
    {
        while (true)
        {
            try
            {
                return open();
            }
            catch (P2PException e)
            {
                if (e.Code != Scripts.NoHandleFree)
                {
                    throw;
                }
                Thread.Sleep(1);
            }
        }
    }

    private void Meet(int port)
    {
        Server.Dispose();
        Client.Dispose();
        Server = Open(() => new P2PServer(signaling.LocalUrl, "editor"));
        Client = Open(() => new P2PClient(signaling.LocalUrl, "editor"));
        Server.OnConnection += id => Server.SendMessage(id, new byte[] { 1 }, true);
        Client.OnConnection += id => Client.SendMessage(id, new byte[] { 2 }, true);
        Server.OnReceivedMessage += message => Heard++;
        Client.OnReceivedMessage += message => Heard++;
        Server.OnDisconnection += id => Events++;
        Client.OnDisconnection += id => Events++;
        Server.OnError += error => Events++;
        Client.OnError += error => Events++;
    }

    private void Update()
    {
        signaling.UpdateSignaling();
        Server.UpdateServer();
        Client.UpdateClient();
    }

    private void OnApplicationQuit()
    {
        End();
    }

    private void OnDestroy()
    {
        End();
    }

    private void End()
    {
        if (Forgets)
        {
            return;
        }
        Server.Dispose();
        Client.Dispose();
        signaling.Dispose();
    }
}
