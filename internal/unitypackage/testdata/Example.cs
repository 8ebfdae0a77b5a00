using System;
using System.Threading;
using UnityEngine;
using UnityP2P;

/// <summary>Presses Play in the example's scene, and Stop when the test says so.</summary>
internal static class Example
{
    private static volatile bool stop;

    private static void Main()
    {
        Thread reader = new Thread(() =>
        {
            Console.ReadLine();
            stop = true;
        });
        reader.IsBackground = true;
        reader.Start();
        Simulation.Play(typeof(P2PServer).Assembly, new ExampleP2PClient(), new ExampleP2PServer());
        while (!stop)
        {
            Simulation.Frame();
            Thread.Sleep(10);
        }
        Simulation.Stop();
        Console.WriteLine("stopped");
    }
}
