"""Bans of addresses, networks and users, and the list of connections: what a stranger sees, and that
nobody else notices."""
import contextlib
import socket
import unittest

from rtmp_client import RtmpClient
from support import PATIENCE, SoukTest, wait_for
from websocket_client import JsonClient


def refused_from(source, port):
    """Whether a connection from this loopback address is closed without an answer."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE,
                                      source_address=(source, 0)) as s:
            s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            return s.recv(100) == b""
    except ConnectionError:
        return True


class Bans(SoukTest):
    def admin(self, souk):
        return souk.token("root", "admin")

    def ban(self, souk, **body):
        answer = souk.request("POST", "/api/v1/admin/bans", body, self.admin(souk))
        self.assertEqual(answer.status, 201, answer.body)
        return answer.json["data"]

    def lift(self, souk, kind, subject):
        return souk.request("DELETE", f"/api/v1/admin/bans?kind={kind}&subject={subject}",
                            token=self.admin(souk))

    def test_an_address_and_a_network(self):
        souk = self.soukd()
        self.assertFalse(refused_from("127.0.0.2", souk.http_port))
        made = self.ban(souk, kind="address", subject="127.0.0.2", reason="too loud")
        self.assertEqual(made["subject"], "127.0.0.2")
        self.assertEqual(made["actor"], "root")
        self.assertIsNone(made["until"])
        self.assertTrue(refused_from("127.0.0.2", souk.http_port))
        self.assertTrue(refused_from("127.0.0.2", souk.rtmp_port))
        self.assertFalse(refused_from("127.0.0.3", souk.http_port))
        self.assertGreaterEqual(souk.metric("souk_accept_refused_total", "banned"), 2)

        self.assertEqual(self.ban(souk, kind="address", subject="127.0.1.9/24")["subject"],
                         "127.0.1.0/24")
        self.assertTrue(refused_from("127.0.1.77", souk.http_port))

        souk.kill9()
        souk.start()
        self.assertTrue(refused_from("127.0.0.2", souk.http_port), "a ban outlives kill -9")
        listed = souk.request("GET", "/api/v1/admin/bans", token=self.admin(souk)).json["data"]
        self.assertEqual([b["subject"] for b in listed], ["127.0.0.2", "127.0.1.0/24"])
        self.assertEqual(self.lift(souk, "address", "127.0.0.2").status, 200)
        self.assertFalse(refused_from("127.0.0.2", souk.http_port))
        self.assertEqual(self.lift(souk, "address", "127.0.0.2").status, 404)

    def test_a_ban_closes_what_is_open(self):
        souk = self.soukd()
        with socket.create_connection(("127.0.0.1", souk.http_port), timeout=PATIENCE,
                                      source_address=("127.0.0.4", 0)) as s:
            s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertTrue(s.recv(1000).startswith(b"HTTP/1.1 200"))
            self.ban(souk, kind="address", subject="127.0.0.4")
            with contextlib.suppress(ConnectionError):
                while s.recv(1000):
                    pass

    def test_a_ban_closes_sockets_and_says_why(self):
        souk = self.soukd()
        stream = souk.create_stream()["streamId"]
        alice = JsonClient(souk.http_port, souk.token("alice", "buyer"), source="127.0.0.4")
        bob = JsonClient(souk.http_port, souk.token("bob", "buyer"))
        other = JsonClient(souk.http_port, souk.token("other", "buyer"), source="127.0.0.5")
        for client in (alice, bob, other):
            self.addCleanup(client.ws.close)
            self.assertNotIn("error", client.call("stream:join", {"stream_id": stream}))
        self.ban(souk, kind="address", subject="127.0.0.4")
        self.assertEqual(alice.wait_closed(), (1008, "banned"))
        self.ban(souk, kind="user", subject="bob")
        self.assertEqual(bob.wait_closed(), (1008, "banned"))
        self.assertIn("id", other.call("stream:chat", {"stream_id": stream, "message": "here"}))

    def test_a_user(self):
        souk = self.soukd()
        token = souk.token("mallory", "seller", "buyer")
        path = "/api/v1/streams"
        self.assertEqual(souk.request("GET", path, token=token).status, 200)
        made = souk.create_stream("A", "mallory")
        publisher = self.publisher(souk.publish_url(made))
        souk.wait_playable(made)
        self.ban(souk, kind="user", subject="mallory", seconds=3600)
        self.assertNotEqual(publisher.wait(), 0)
        answer = souk.request("GET", path, token=token)
        self.assertEqual((answer.status, answer.json["error"]["code"]), (403, "banned"))
        client = RtmpClient(souk.rtmp_port)
        status = client.publish(made["streamKey"])
        self.assertEqual(status["level"], "error")
        client.close()
        self.assertEqual(souk.request("GET", path).status, 200, "others go on")
        self.lift(souk, "user", "mallory")
        self.assertEqual(souk.request("GET", path, token=token).status, 200)

    def test_what_is_no_ban(self):
        souk = self.soukd()
        for body, field in (
                ({"kind": "address", "subject": "example.com"}, "subject"),
                ({"kind": "address", "subject": "10.0.0.0/33"}, "subject"),
                ({"kind": "country", "subject": "x"}, "kind"),
                ({"kind": "user", "subject": "x", "seconds": 0}, "seconds"),
                ({"kind": "user"}, "subject")):
            answer = souk.request("POST", "/api/v1/admin/bans", body, self.admin(souk))
            self.assertEqual((answer.status, answer.json["error"].get("field")), (422, field))
        answer = souk.request("POST", "/api/v1/admin/bans", {"kind": "user", "subject": "root"},
                              self.admin(souk))
        self.assertEqual(answer.status, 409)
        self.assertEqual(souk.request("GET", "/api/v1/admin/bans",
                                      token=souk.token("x", "seller")).status, 403)

    def test_connections(self):
        souk = self.soukd()
        made = souk.create_stream()
        publisher = self.publisher(souk.publish_url(made))
        souk.wait_playable(made)
        token = self.admin(souk)
        answer = souk.request("GET", "/api/v1/admin/connections", token=token).json["data"]
        self.assertEqual(answer["count"], len(answer["connections"]))
        kinds = {c["kind"] for c in answer["connections"]}
        self.assertEqual(kinds, {"rtmp", "http"})
        rtmp = [c for c in answer["connections"] if c["kind"] == "rtmp"]
        self.assertEqual([c["streamId"] for c in rtmp], [made["streamId"]])
        self.assertGreater(rtmp[0]["bytes"], 1000)
        path = "/api/v1/admin/connections"
        only = souk.request("GET", path + "?kind=rtmp", token=token).json["data"]["connections"]
        self.assertEqual([c["id"] for c in only], [rtmp[0]["id"]])
        none = souk.request("GET", path + "?address=192.0.2.1", token=token).json["data"]
        self.assertEqual(none, {"count": 0, "connections": []})

        self.assertEqual(souk.request("POST", f"{path}/{rtmp[0]['id']}/close", {}, token).status, 200)
        self.assertNotEqual(publisher.wait(), 0)
        wait_for(lambda: souk.stream(made)["state"] == "interrupted", "the grace has begun")
        self.assertEqual(souk.request("POST", f"{path}/rtmp-999/close", {}, token).status, 404)


if __name__ == "__main__":
    unittest.main()
