using System.Text;
using UnityEngine;
using UnityP2P;

/// <summary>Joins a room, and says something to everyone in it, directly.</summary>
public class ExampleP2PClient : MonoBehaviour
{
    [Tooltip("The same as the server's; from another machine, the address of that one.")]
    public string signalingServer = "ws://127.0.0.1:12776";

    [Tooltip("The same as the server's.")]
    public string roomName = "example";

    private P2PClient client;

    private void Start()
    {
        Application.runInBackground = true; // or nothing arrives while another window is in front
        client = new P2PClient(signalingServer, roomName);
        client.OnConnection += Client_OnConnection;
        client.OnDisconnection += Client_OnDisconnection;
        client.OnReceivedMessage += Client_OnReceivedMessage;
    }

    private void Update()
    {
        if (client != null)
        {
            client.UpdateClient();
        }
    }

    private void Client_OnConnection(ConnectionId connectionId)
    {
        string who = client.IsServer(connectionId) ? "the server" : "another client";
        Debug.Log("Client: connected to " + who + " as " + connectionId);
        client.SendMessage(connectionId, Encoding.UTF8.GetBytes("hello, reliably"), true);
        client.SendMessage(connectionId, Encoding.UTF8.GetBytes("hello, perhaps"), false);
    }

    private void Client_OnDisconnection(ConnectionId connectionId)
    {
        Debug.Log("Client: " + connectionId + " disconnected");
    }

    private void Client_OnReceivedMessage(NetworkEvent message)
    {
        MessageData data = message.MessageData;
        string text = Encoding.UTF8.GetString(data.Buffer, data.Offset, data.ContentLength);
        Debug.Log("Client: " + message.ConnectionId + " says \"" + text + "\"");
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
        if (client != null)
        {
            client.Dispose();
        }
    }
}
