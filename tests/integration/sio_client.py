"""A Socket.IO client over one WebSocket, for tests that look at both framings alike: the events come
as those of JsonClient do, `frame` holds their offset. Standard library only."""
import json
import threading

from websocket_client import TEXT, JsonClient, WebSocket


class SioClient(JsonClient):
    """recover: {"pid", "offset"} of a session that was lost."""

    def __init__(self, port, token=None, recover=None, headers=None):
        self.ws = WebSocket(port, "/socket.io/?EIO=4&transport=websocket", headers)
        self.pong, self.hello, self.offset = True, None, None
        self.events, self.acks, self.closed, self.refused = [], {}, None, None
        self.changed = threading.Condition()
        self.next_ack = 1
        auth = {**({"token": token} if token else {}), **(recover or {})}
        self.ws.send_frame(TEXT, b"40" + json.dumps(auth).encode())
        threading.Thread(target=self._read, daemon=True).start()
        self.wait(lambda: self.hello or self.refused, "the answer to CONNECT")

    def _take(self, opcode, payload):
        return self._packet(payload.decode()) if opcode == TEXT else super()._take(opcode, payload)

    def _packet(self, text):
        with self.changed:
            if text.startswith("40"):
                self.hello = json.loads(text[2:])
            elif text.startswith("44"):
                self.refused = json.loads(text[2:])
            elif text.startswith("42"):
                name, data, *offset = json.loads(text[2:])
                self.offset = offset[0] if offset else self.offset
                self.events.append((name, data, {"offset": self.offset}))
            elif text.startswith("43"):
                at = text.index("[")
                self.acks[int(text[2:at])] = json.loads(text[at:])[0]
            self.changed.notify_all()
        if text == "2" and self.pong:
            self.ws.send_frame(TEXT, b"3")
        return not text.startswith("1")

    def send(self, event, data=None, ack=None):
        number = "" if ack is None else str(ack)
        self.ws.send_frame(TEXT, f"42{number}{json.dumps([event, data])}".encode())
