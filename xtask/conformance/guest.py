"""A guest: the WebSocket client of platform contract C.2, written from the contract alone."""

import json
import uuid

import websocket

# Longer than any answer takes: this ends a wait, it does not measure.
PATIENCE_SECONDS = 30


class Guest:
    """One guest session: a token of the guest's own making, and the connections that use it."""

    def __init__(self, socket_url, deployment, origin="https://shop.example"):
        self.url = f"{socket_url}?deploymentId={deployment}"
        self.deployment, self.origin = deployment, origin
        self.token = str(uuid.uuid4())
        self.pushed = []
        self.connect()

    def connect(self):
        """Opens a connection; the session is the one of the token."""
        self.socket = websocket.create_connection(self.url, origin=self.origin, timeout=PATIENCE_SECONDS)

    def receive(self):
        return json.loads(self.socket.recv())

    def ask(self, action, **fields):
        """Sends a request and returns what answers it; what is pushed meanwhile is kept."""
        tracing = str(uuid.uuid4())
        request = {"action": action, "token": self.token, "tracingId": tracing} | fields
        self.socket.send(json.dumps(request))
        while True:
            frame = self.receive()
            body = frame.get("body")
            if tracing in (frame.get("tracingId"), body.get("tracingId") if isinstance(body, dict) else None):
                return frame
            self.pushed.append(frame)

    def next_push(self, wanted):
        """The next frame nobody asked for that `wanted` accepts."""
        while True:
            for at, frame in enumerate(self.pushed):
                if wanted(frame):
                    return self.pushed.pop(at)
            self.pushed.append(self.receive())

    def configure(self, **fields):
        return self.ask("configureSession", deploymentId=self.deployment, **fields)

    def say(self, text, **attributes):
        """Writes a text; its echo is the acknowledgement."""
        return self.send({"type": "Text", "text": text}, attributes)

    def join(self, **attributes):
        """Starts a conversation without a text."""
        event = {"eventType": "Presence", "presence": {"type": "Join"}}
        return self.send({"type": "Event", "events": [event]}, attributes)

    def send(self, message, attributes):
        if attributes:
            message["channel"] = {"metadata": {"customAttributes": attributes}}
        return self.ask("onMessage", message=message)

    def jwt(self):
        return self.ask("getJwt")["body"]["jwt"]

    def close(self):
        """Ends the session for every connection."""
        return self.ask("closeSession", closeAllConnections=True)
