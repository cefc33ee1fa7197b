"""Who is there, what a user is told on all sockets, and which streams are live nearby, on the event
layer: with the plain framing, and once with the official socket.io-client."""
import os
import shutil
import subprocess
import unittest

from support import HERE, SoukTest, install_modules, wait_for
from websocket_client import JsonClient

SCRIPT = os.path.join(HERE, "events", "presence.test.mjs")
NOBODY = {"status": "offline", "lastSeen": None, "device": None}


class UserEventsTest(SoukTest):
    def setUp(self):
        self.tokens = {}

    def token(self, daemon, user, *roles, **claims):
        if user not in self.tokens:
            args = [a for role in roles or ("buyer",) for a in ("--role", role)]
            args += [a for name, value in claims.items() for a in (f"--{name}", value)]
            self.tokens[user] = daemon.ctl("token", "--sub", user, *args, parse=False).strip()
        return self.tokens[user]

    def client(self, daemon, user=None, *roles, **claims):
        c = JsonClient(daemon.http_port, self.token(daemon, user, *roles, **claims) if user else None)
        self.addCleanup(c.ws.close)
        return c

    def api(self, daemon, method, path, user, body=None):
        answer = daemon.request(method, "/api/v1" + path, body, self.token(daemon, user))
        self.assertLess(answer.status, 300, answer.text)
        return answer.json.get("data")

    def follow(self, daemon, follower, followed):
        for user in (follower, followed):
            # Users are stored at first sight.
            daemon.request("GET", "/api/v1/notifications", token=self.token(daemon, user))
        self.api(daemon, "PUT", f"/users/{followed}/follow", follower)

    def refused(self, answer, code):
        self.assertEqual(answer.get("error", {}).get("code"), code, answer)
        self.assertTrue(answer["error"]["message"].endswith("."), answer)

    def statuses(self, client, user, event="presence_update"):
        return [e["status"] for e in client.all(event) if e["userId"] == user]


class Presence(UserEventsTest):
    def test_followers_hear_of_coming_and_going(self):
        daemon = self.soukd()
        self.follow(daemon, "fan", "star")
        fan, other = self.client(daemon, "fan"), self.client(daemon, "other")
        first = self.client(daemon, "star")
        for event in ("user_status", "presence_update"):
            told = fan.event(event)
            self.assertEqual((told["userId"], told["status"], told["device"]),
                             ("star", "online", None))
            self.assertTrue(told["lastSeen"])
        answer = fan.call("get_presence", {"user_id": "star"})
        self.assertEqual((answer["userId"], answer["status"]), ("star", "online"))
        # Sockets come and go, one stays: nothing to tell.
        second, back = self.client(daemon, "star"), self.client(daemon, "star")
        first.leave()
        second.drop()
        said = back.call("presence_update", {"status": "away", "device": "phone"})
        self.assertEqual((said["userId"], said["status"], said["device"]),
                         ("star", "away", "phone"))
        told = fan.event("presence_update", lambda e: e["status"] == "away")
        self.assertEqual(told, said)
        self.assertEqual(self.statuses(fan, "star"), ["online", "away"])
        # Said to be offline is offline, whatever comes from the sockets.
        back.call("presence_update", {"status": "offline"})
        self.client(daemon, "star").call("get_notification_count")
        self.assertEqual(fan.call("get_presence", {"user_id": "star"})["status"], "offline")
        back.call("presence_update", {"status": "online"})
        fan.event("presence_update", lambda e: e["status"] == "offline")
        wait_for(lambda: self.statuses(fan, "star")[-1] == "online", "star is back")
        self.assertEqual(self.statuses(fan, "star", "user_status"),
                         self.statuses(fan, "star"))
        self.assertEqual(other.all("presence_update") + other.all("user_status"), [])

    def test_gone_after_ten_seconds_and_remembered(self):
        daemon = self.soukd()
        self.follow(daemon, "fan", "star")
        fan, star = self.client(daemon, "fan"), self.client(daemon, "star")
        fan.event("presence_update", lambda e: e["status"] == "online")
        star.leave()
        gone = fan.event("presence_update", lambda e: e["status"] == "offline")
        self.assertEqual(gone["device"], None)
        shown = fan.call("get_presence", {"user_ids": ["star", "nobody"]})["presences"]
        self.assertEqual(shown, [gone, {"userId": "nobody", **NOBODY}])
        self.assertEqual(daemon.terminate(), 0)
        daemon.start()
        answer = daemon.request("GET", "/api/v1/users/star/presence",
                                token=self.token(daemon, "fan"))
        self.assertEqual(answer.json["data"], gone)
        # Who was there until the end was seen then.
        self.assertTrue(self.api(daemon, "GET", "/users/fan/presence", "star")["lastSeen"])

    def test_follows_are_kept_current(self):
        daemon = self.soukd({"events.follows": "2"})
        fan = self.client(daemon, "fan")
        self.follow(daemon, "fan", "star")
        self.client(daemon, "star")
        fan.event("presence_update", lambda e: e["userId"] == "star")
        self.api(daemon, "DELETE", "/users/star/follow", "fan")
        self.api(daemon, "PUT", "/users/star/presence", "star", {"status": "away"})
        # No more than two: the third is asked for, not told of.
        for user in ("a", "b", "c"):
            self.follow(daemon, "fan", user)
        self.client(daemon, "c").call("get_notification_count")
        self.client(daemon, "a")
        fan.event("presence_update", lambda e: e["userId"] == "a")
        self.assertEqual(self.statuses(fan, "star"), ["online"])
        self.assertEqual(self.statuses(fan, "c"), [])
        self.assertEqual(fan.call("get_presence", {"user_id": "c"})["status"], "online")
        again = self.client(daemon, "fan")
        wait_for(lambda: daemon.metric("souk_presence_watches") == 2, "two are watched")
        again.leave()

    def test_who_follows_and_shares_rooms_is_told_once(self):
        daemon = self.soukd()
        self.follow(daemon, "fan", "star")
        star, own, fan, friend = (self.client(daemon, u) for u in ("star", "star", "fan", "friend"))
        for c in (star, own, fan, friend):
            for room in ("lobby", "yard"):
                self.assertNotIn("error", c.call("join_room", {"room_id": room}))
        for status in ("away", "online"):
            star.call("presence_update", {"status": status})
            fan.event("user_status", lambda e, s=status: (e["userId"], e["status"]) == ("star", s))
        for c in (own, fan, friend):
            c.call("get_notification_count")
            self.assertEqual(self.statuses(c, "star"), ["away", "online"])
        self.assertEqual(self.statuses(friend, "star", "user_status"), [])

    def test_one_way_for_rest_and_sockets(self):
        daemon = self.soukd()
        self.follow(daemon, "fan", "star")
        fan = self.client(daemon, "fan")
        self.api(daemon, "PUT", "/users/star/presence", "star", {"status": "away", "device": "tv"})
        told = fan.event("presence_update")
        self.assertEqual((told["status"], told["device"]), ("away", "tv"))
        here = self.client(daemon, "star")
        other = self.client(daemon, "star")
        # There already, and away: a socket changes nothing.
        self.assertEqual(other.call("get_presence", {"user_id": "star"})["status"], "away")
        here.call("presence_update", {"status": "online"})
        self.assertEqual(other.event("presence_update")["status"], "online")
        self.assertEqual(other.event("user_status")["status"], "online")
        self.api(daemon, "PUT", "/users/star/presence", "star", {"status": "away"})
        for c in (here, other, fan):
            c.event("presence_update", lambda e: e["status"] == "away" and e["userId"] == "star")
        self.assertNotIn("online", self.statuses(here, "star"))

    def test_who_may_ask_and_say(self):
        daemon = self.soukd()
        star, guest = self.client(daemon, "star"), self.client(daemon)
        star.call("presence_update", {"status": "online", "device": "phone"})
        self.assertEqual(guest.call("get_presence", {"user_id": "star"}),
                         {"userId": "star", "status": "online", "lastSeen": None, "device": None})
        self.refused(guest.call("get_presence", {"user_ids": ["star"]}), "unauthorized")
        self.refused(guest.call("presence_update", {"status": "online"}), "unauthorized")
        self.refused(guest.call("get_notification_count"), "unauthorized")
        for bad in ({}, {"user_id": "a", "user_ids": ["b"]}, {"user_ids": []}, {"user_id": ""},
                    {"user_ids": ["x"] * 201}, {"user_ids": [7]}, {"user_ids": [""]},
                    {"user_ids": ["x" * 129]}, {"user_ids": "star"}, {"user_id": ["star"]}):
            self.refused(star.call("get_presence", bad), "invalid_payload")
        self.assertEqual(len(star.call("get_presence", {"user_ids": ["x"] * 200})["presences"]), 200)
        for bad in ({}, {"status": "asleep"}, {"status": "online", "device": "x" * 65},
                    {"status": "online", "device": {"type": "web"}}):
            self.refused(star.call("presence_update", bad), "invalid_payload")
        self.refused(star.call("presence_update", {"status": "online", "user_id": "fan"}),
                     "forbidden")
        # Without an ack the answer is an event.
        star.send("get_presence", {"user_id": "fan"})
        star.event("presence_update", lambda e: e["userId"] == "fan")


class Notifications(UserEventsTest):
    def go_live(self, daemon, seller="star"):
        return daemon.create_stream("Rugs", seller)["streamId"]

    def test_pushed_counted_and_read(self):
        daemon = self.soukd()
        self.follow(daemon, "fan", "star")
        one, two, other = (self.client(daemon, u) for u in ("fan", "fan", "other"))
        self.assertEqual(one.call("get_notification_count"), {"count": 0})
        stream = self.go_live(daemon)
        for c in (one, two):
            pushed = c.event("notification")
            self.assertEqual((pushed["streamId"], pushed["type"], pushed["isRead"]),
                             (stream, "stream_live", False))
            self.assertEqual(c.event("notification_count_updated"), {"count": 1})
        listed = daemon.request("GET", "/api/v1/notifications", token=self.tokens["fan"]).json
        self.assertEqual((listed["data"], listed["unreadCount"]), ([pushed], 1))
        self.assertEqual(one.call("notifications_read", {"notification_ids": [pushed["id"]]}),
                         {"count": 0})
        self.assertEqual(two.event("notifications_read"), {"notificationIds": [pushed["id"]]})
        for c in (one, two):
            c.event("notification_count_updated", lambda e: e["count"] == 0)
        # By REST, and all of them.
        self.go_live(daemon, "star")
        two.wait(lambda: len(two.all("notification")) == 2, "the second notification")
        self.assertEqual(daemon.request("POST", "/api/v1/notifications/read", {"all": True},
                                        self.tokens["fan"]).json["data"], {"unreadCount": 0})
        for c in (one, two):
            c.event("notifications_read", lambda e: e["notificationIds"] is None)
            c.wait(lambda: c.all("notification_count_updated")[-1]["count"] == 0, "all are read")
        self.assertEqual(one.call("notifications_read"), {"count": 0})
        self.assertEqual(other.all("notification"), [])
        self.assertEqual(other.all("notification_count_updated"), [])
        for bad in ({"notification_ids": []}, {"notification_ids": ["x"]},
                    {"notification_ids": [pushed["id"]] * 101}):
            self.refused(one.call("notifications_read", bad), "invalid_payload")

    def test_what_was_missed_on_the_plain_framing(self):
        daemon = self.soukd()
        self.follow(daemon, "fan", "star")
        fan = self.client(daemon)
        place = fan.call("auth", {"token": self.tokens["fan"]})
        self.assertEqual((place["userId"], place["room"]), ("fan", "user:fan"))
        fan.drop()
        wait_for(lambda: daemon.metric("souk_peers") == 0, "the socket is gone")
        stream = self.go_live(daemon)
        back = self.client(daemon, "fan")
        answer = back.call("resume", {k: place[k] for k in ("room", "epoch", "seq")})
        self.assertGreater(answer["seq"], place["seq"])
        self.assertEqual(back.event("notification")["streamId"], stream)
        thief = self.client(daemon, "other")
        self.refused(thief.call("resume", {k: place[k] for k in ("room", "epoch", "seq")}),
                     "room_not_found")

    def test_user_rooms_are_not_counted(self):
        daemon = self.soukd({"events.rooms": "1"})
        c = self.client(daemon, "fan")
        stream = self.go_live(daemon)
        self.assertIn("room", c.call("stream:join", {"stream_id": stream}))
        self.refused(c.call("active_streams:subscribe", {"neighborhood": "soho"}),
                     "too_many_rooms")


class Nearby(UserEventsTest):
    def seller(self, daemon, name, where):
        self.token(daemon, name, "seller", neighborhood=where)
        daemon.request("GET", "/api/v1/notifications", token=self.tokens[name])

    def test_active_streams(self):
        daemon = self.soukd()
        self.seller(daemon, "star", "soho")
        self.seller(daemon, "moon", "mayfair")
        near = self.client(daemon, "fan", neighborhood="soho")
        guest = self.client(daemon)
        nothing = {"neighborhood": "soho", "count": 0, "streamIds": []}
        self.assertEqual(near.call("active_streams:subscribe"), nothing)
        self.assertEqual(guest.call("active_streams:subscribe", {"neighborhood": "soho"}), nothing)
        stream = daemon.create_stream("Rugs", "star")["streamId"]
        daemon.create_stream("Lamps", "moon")
        for c in (near, guest):
            self.assertEqual(c.event("active_streams_updated"),
                             {"neighborhood": "soho", "streamId": stream, "live": True,
                              "count": 1})
        self.assertEqual(guest.call("get_active_streams", {"neighborhood": "soho"})["streamIds"],
                         [stream])
        guest.call("active_streams:unsubscribe", {"neighborhood": "soho"})
        daemon.ctl("streams", "end", stream)
        ended = near.event("active_streams_updated", lambda e: not e["live"])
        self.assertEqual((ended["streamId"], ended["count"]), (stream, 0))
        self.assertEqual(near.call("get_active_streams"), nothing)
        self.assertEqual([e["live"] for e in guest.all("active_streams_updated")], [True])
        self.refused(guest.call("get_active_streams"), "invalid_payload")
        guest.send("get_active_streams", {"neighborhood": "mayfair"})
        self.assertEqual(guest.event("active_streams")["count"], 1)


@unittest.skipUnless(shutil.which("node"), "node is missing")
class OfficialClient(UserEventsTest):
    def test_presence_and_notifications(self):
        daemon = self.soukd()
        self.follow(daemon, "fan", "star")
        env = {**os.environ, "MODULES": install_modules("sio"),
               "BASE": f"http://127.0.0.1:{daemon.http_port}", "FAN": self.tokens["fan"],
               "STAR": self.token(daemon, "star"),
               "SELLER": daemon.token("star", "seller")}
        done = subprocess.run(["node", "--test", SCRIPT], env=env, text=True, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    unittest.main()
