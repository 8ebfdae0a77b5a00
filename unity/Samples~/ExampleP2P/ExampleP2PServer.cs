using System.Text;
using UnityEngine;
using UnityP2P;

/// <summary>
/// Hosts a room, greets everyone who joins, and answers what they say. On by
/// default: the signaling server runs in here too, so that nothing needs to be
/// deployed.
/// </summary>
public class ExampleP2PServer : MonoBehaviour
{
    [Tooltip("Where the room is announced. With Run Signaling Server: this machine.")]
    public string signalingServer = "ws://127.0.0.1:12776";

    [Tooltip("Clients join by this name. A unique one, if strangers use the same signaling server.")]
    public string roomName = "example";

    [Tooltip("Off: signalingServer names one that runs elsewhere.")]
    public bool runSignalingServer = true;

    private P2PSignaling signaling;
    private P2PServer server;

    private void Start()
    {
        Application.runInBackground = true; // or nobody is answered while another window is in front
        if (runSignalingServer)
        {
            signaling = new P2PSignaling();
            signaling.OnListening += port => Debug.Log("Signaling server: listening on port " + port);
        }
        server = new P2PServer(signalingServer, roomName);
        server.OnConnection += Server_OnConnection;
        server.OnDisconnection += Server_OnDisconnection;
        server.OnReceivedMessage += Server_OnReceivedMessage;
        server.OnStateChanged += state => Debug.Log("Server: " + state);
    }

    private void Update()
    {
        if (signaling != null)
        {
            signaling.UpdateSignaling();
        }
        if (server != null)
        {
            server.UpdateServer();
        }
    }

    private void Server_OnConnection(ConnectionId connectionId)
    {
        Debug.Log("Server: client " + connectionId + " connected, " + server.peers.Count + " in the room");
        server.SendMessage(connectionId, Encoding.UTF8.GetBytes("welcome, client"), true);
    }

    private void Server_OnDisconnection(ConnectionId connectionId)
    {
        Debug.Log("Server: client " + connectionId + " disconnected");
    }

    private void Server_OnReceivedMessage(NetworkEvent message)
    {
        MessageData data = message.MessageData;
        string text = Encoding.UTF8.GetString(data.Buffer, data.Offset, data.ContentLength);
        bool isReliable = message.Type == NetEventType.ReliableMessageReceived;
        Debug.Log("Server: client " + message.ConnectionId + " says \"" + text + "\"" + (isReliable ? "" : ", unreliably"));
        server.SendMessage(message.ConnectionId, Encoding.UTF8.GetBytes("I heard: " + text), isReliable);
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
        if (server != null)
        {
            server.Dispose();
        }
        if (signaling != null)
        {
            signaling.Dispose();
        }
    }
}
