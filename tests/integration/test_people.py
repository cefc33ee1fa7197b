"""Users, follows, neighbourhoods, devices, and who is told that a stream goes live."""
import math
import socket
import sqlite3
import unittest
from urllib.parse import quote

from support import wait_for
import test_api
from test_api import NOWHERE, READY, TIME, UUID

KM = 180 / math.pi / 6371.0088  # a kilometre along a meridian, in degrees


class PeopleTest(test_api.ApiTest):
    def meet(self, sub, *roles, **claims):
        """A token whose user is stored as it says."""
        token = self.mint(sub, *roles, **claims)
        self.ok("GET", "/devices", token)

        def is_stored():
            user = self.call("GET", "/users/" + quote(sub)).json.get("data")
            return user and set(user["roles"]) == set(roles) and all(
                user[name] == value for name, value in claims.items())

        wait_for(is_stored, f"{sub} is stored")
        return token

    def place(self, name, lat, lon):
        return self.ok("PUT", f"/neighborhoods/{quote(name)}", self.admin,
                       {"lat": lat, "lon": lon})

    def go_live(self, token=None, **settings):
        """Who is told of a new stream: notificationsSent and the answer."""
        token = token or self.seller
        product = self.product(token)
        stream = self.ok("POST", "/streams", token,
                         {"title": "Sale", "product_ids": [product], **settings}, 201)["streamId"]
        return self.ok("POST", f"/streams/{stream}/go-live", token, READY)

    def notifications(self, token, query=""):
        self.ok("GET", "/notifications" + query, token)
        return self.answer.json

    def unread(self, token):
        return self.notifications(token)["unreadCount"]


class Users(PeopleTest):
    def test_what_is_public(self):
        self.refused(404, "user_not_found", "GET", "/users/seller-1")
        self.meet("seller-1", "seller", name="Ana", avatar="https://x.test/a.png")
        self.assertEqual(self.ok("GET", "/users/seller-1"), {
            "id": "seller-1", "name": "Ana", "avatar": "https://x.test/a.png",
            "neighborhood": None, "roles": ["seller"], "followers": 0, "following": 0})
        self.assertIs(self.ok("GET", "/users/seller-1", self.buyer)["isFollowing"], False)

    def test_the_platform_sets_and_a_token_says(self):
        user = quote("auth0|äö 1")
        made = self.ok("PUT", f"/users/{user}", self.admin, {
            "name": "Bo", "neighborhood": "north", "roles": ["buyer", "seller"]})
        self.assertEqual((made["id"], made["name"], made["neighborhood"], made["roles"]),
                         ("auth0|äö 1", "Bo", "north", ["seller", "buyer"]))
        self.ok("PUT", f"/users/{user}", self.admin, {"avatar": "https://x.test/b.png"})
        # What the token does not say stays.
        self.meet("auth0|äö 1", "buyer", name="Bob")
        seen = self.ok("GET", f"/users/{user}")
        self.assertEqual((seen["name"], seen["avatar"], seen["neighborhood"], seen["roles"]),
                         ("Bob", "https://x.test/b.png", "north", ["buyer"]))
        cleared = self.ok("PUT", f"/users/{user}", self.admin, {
            "neighborhood": None, "roles": None})
        self.assertEqual((cleared["name"], cleared["neighborhood"], cleared["roles"]),
                         ("Bob", None, []))

    def test_refusals(self):
        self.refused(403, "forbidden", "PUT", "/users/x", self.seller, {"name": "X"})
        self.refused(401, "unauthorized", "PUT", "/users/x", None, {"name": "X"})
        self.refused(422, "out_of_range", "PUT", "/users/x", self.admin, {"name": ""}, "name")
        self.refused(422, "invalid_value", "PUT", "/users/x", self.admin, {"roles": ["king"]},
                     "roles")
        self.refused(422, "unknown_field", "PUT", "/users/x", self.admin, {"rolls": []}, "rolls")
        self.refused(422, "out_of_range", "PUT", "/users/" + "x" * 129, self.admin, {}, "id")
        self.refused(404, "user_not_found", "GET", "/users/x")
        self.refused(403, "forbidden", "GET", "/users", self.seller)

    def test_list(self):
        for i in range(5):
            self.ok("PUT", f"/users/u{i}", self.admin, {
                "name": f"Name {i}", "roles": ["seller"] if i % 2 else ["buyer"]})
        self.assertEqual([u["id"] for u in self.ok("GET", "/users?q=NAME&role=seller", self.admin)],
                         ["u1", "u3"])
        seen, cursor = [], ""
        while cursor is not None:
            page = self.call("GET", f"/users?q=name&limit=2{cursor}", self.admin).json
            seen += [u["id"] for u in page["data"]]
            cursor = page["nextCursor"] and "&cursor=" + page["nextCursor"]
        self.assertEqual(seen, [f"u{i}" for i in range(5)])
        self.refused(422, "invalid_cursor", "GET", "/users?cursor=%3F", self.admin, field="cursor")
        self.refused(422, "invalid_value", "GET", "/users?role=king", self.admin, field="role")

    def test_follows(self):
        ann, bob = self.meet("ann"), self.meet("bob")
        self.meet("seller-1", "seller")
        path = "/users/seller-1"
        for _ in range(2):
            self.assertEqual(self.ok("PUT", path + "/follow", ann), {
                "userId": "seller-1", "isFollowing": True, "followers": 1})
        self.ok("PUT", path + "/follow", bob)
        self.assertEqual([u["id"] for u in self.ok("GET", path + "/followers")], ["ann", "bob"])
        page = self.call("GET", path + "/followers?limit=1").json
        self.assertEqual([u["id"] for u in page["data"]], ["ann"])
        page = self.call("GET", f"{path}/followers?limit=1&cursor={page['nextCursor']}").json
        self.assertEqual(([u["id"] for u in page["data"]], page["nextCursor"]), (["bob"], None))
        self.assertEqual([u["id"] for u in self.ok("GET", "/users/ann/following")], ["seller-1"])
        details = self.ok("GET", path, ann)
        self.assertEqual((details["followers"], details["following"], details["isFollowing"]),
                         (2, 0, True))
        for _ in range(2):
            self.assertEqual(self.ok("DELETE", path + "/follow", ann), {
                "userId": "seller-1", "isFollowing": False, "followers": 1})
        self.refused(422, "cannot_follow_yourself", "PUT", "/users/ann/follow", ann)
        self.refused(404, "user_not_found", "PUT", "/users/nobody/follow", ann)
        self.refused(404, "user_not_found", "DELETE", "/users/nobody/follow", ann)
        self.refused(404, "user_not_found", "GET", "/users/nobody/followers")
        self.refused(404, "user_not_found", "GET", "/users/nobody/following")
        self.refused(422, "invalid_cursor", "GET", path + "/followers?cursor=%3F", field="cursor")
        self.refused(401, "unauthorized", "PUT", path + "/follow")


class Neighborhoods(PeopleTest):
    def test_all_of_a_place(self):
        made = self.ok("PUT", "/neighborhoods/north", self.admin,
                       {"name": "Nørd", "lat": 52.5, "lon": -13.4})
        self.assertRegex(made.pop("createdAt"), TIME)
        self.assertRegex(made.pop("updatedAt"), TIME)
        self.assertEqual(made, {"id": "north", "name": "Nørd", "lat": 52.5, "lon": -13.4})
        self.place("east", 1, 2)
        self.assertEqual([n["id"] for n in self.ok("GET", "/neighborhoods")], ["east", "north"])
        page = self.call("GET", "/neighborhoods?limit=1").json
        self.assertEqual([n["id"] for n in page["data"]], ["east"])
        page = self.call("GET", f"/neighborhoods?limit=1&cursor={page['nextCursor']}").json
        self.assertEqual([n["id"] for n in page["data"]], ["north"])
        self.assertIsNone(page["nextCursor"])
        self.place("north", 50, 10)
        self.assertEqual(self.ok("GET", "/neighborhoods/north")["lat"], 50)
        self.assertEqual(self.ok("DELETE", "/neighborhoods/north", self.admin),
                         {"id": "north", "status": "deleted"})
        self.refused(404, "neighborhood_not_found", "GET", "/neighborhoods/north")
        self.refused(404, "neighborhood_not_found", "DELETE", "/neighborhoods/north", self.admin)

    def test_refusals(self):
        good = {"lat": 1, "lon": 2}
        self.refused(403, "forbidden", "PUT", "/neighborhoods/x", self.seller, good)
        self.refused(403, "forbidden", "DELETE", "/neighborhoods/x", self.seller)
        for status, code, field, body in (
                (422, "missing_field", "lat", {"lon": 2}),
                (422, "missing_field", "lon", {"lat": 2}),
                (422, "out_of_range", "lat", {**good, "lat": 90.001}),
                (422, "out_of_range", "lon", {**good, "lon": -180.5}),
                (400, "wrong_type", "lat", {**good, "lat": "1"}),
                (422, "out_of_range", "name", {**good, "name": ""})):
            self.refused(status, code, "PUT", "/neighborhoods/x", self.admin, body, field)
        self.refused(422, "out_of_range", "PUT", "/neighborhoods/" + "x" * 121, self.admin, good,
                     "id")
        self.refused(422, "invalid_cursor", "GET", "/neighborhoods?cursor=%3F", field="cursor")
        self.assertEqual(self.ok("GET", "/neighborhoods"), [])


class GoingLive(PeopleTest):
    def setUp(self):
        super().setUp()
        self.seller = self.meet("seller-1", "seller", name="Ana", neighborhood="mid")
        self.place("mid", 52.5, 13.4)
        self.place("near", 52.5 + 1.9 * KM, 13.4)
        self.place("far", 52.5 + 2.1 * KM, 13.4)
        self.people = {}
        for where in ("mid", "near", "far", None):
            for kind in ("fan", "other"):
                name = f"{where}-{kind}"
                claims = {"neighborhood": where} if where else {}
                self.people[name] = self.meet(name, "buyer", **claims)
                if kind == "fan":
                    self.ok("PUT", "/users/seller-1/follow", self.people[name])

    def check(self, audience, followers, neighborhood, *told):
        live = self.go_live(audience=audience, notify_followers=followers,
                            notify_neighborhood=neighborhood)
        heard = {name for name, token in self.people.items()
                 if any(n["streamId"] == live["streamId"]
                        for n in self.notifications(token)["data"])}
        self.assertEqual(heard, set(told))
        self.assertEqual(live["notificationsSent"], len(told))
        self.assertEqual(self.unread(self.seller), 0)

    def test_each_audience_with_each_flag(self):
        fans = {"mid-fan", "near-fan", "far-fan", "None-fan"}
        near = {"mid-fan", "near-fan", "mid-other", "near-other"}
        self.check("everyone", False, False)
        self.check("everyone", True, False, *fans)
        self.check("everyone", False, True, *near)
        self.check("everyone", True, True, *(fans | near))
        self.check("followers", False, False)
        self.check("followers", True, False, *fans)
        self.check("followers", False, True, *(fans & near))
        self.check("followers", True, True, *fans)
        self.check("neighborhood", False, False)
        self.check("neighborhood", True, False, *(fans & near))
        self.check("neighborhood", False, True, *near)
        self.check("neighborhood", True, True, *near)

    def test_reading(self):
        token = self.people["None-fan"]
        streams = [self.go_live()["streamId"] for _ in range(3)]
        page = self.notifications(token)
        self.assertEqual([n["streamId"] for n in page["data"]], streams[::-1])
        self.assertEqual((page["unreadCount"], page["nextCursor"]), (3, None))
        first = page["data"][0]
        self.assertRegex(first.pop("id"), UUID)
        self.assertRegex(first.pop("createdAt"), TIME)
        self.assertEqual(first, {"type": "stream_live", "title": "Ana is live", "body": "Sale",
                                 "streamId": streams[2], "isRead": False, "readAt": None})
        page = self.notifications(token, "?limit=2")
        ids = [n["id"] for n in page["data"]]
        rest = self.notifications(token, f"?limit=2&cursor={page['nextCursor']}")
        self.assertEqual([n["streamId"] for n in rest["data"]], streams[:1])

        read = "/notifications/read"
        other = self.people["mid-fan"]
        self.assertEqual(self.ok("POST", read, other, {"ids": ids}), {"unreadCount": 3})
        self.assertEqual(self.unread(token), 3)
        self.assertEqual(self.ok("POST", read, token, {"ids": ids[:1]}), {"unreadCount": 2})
        self.assertEqual(self.ok("POST", read, token, {"ids": ids[:1]}), {"unreadCount": 2})
        unread = self.notifications(token, "?unread=true")
        self.assertEqual([n["streamId"] for n in unread["data"]], [streams[1], streams[0]])
        everything = self.notifications(token, "?unread=false")["data"]
        self.assertEqual([n["isRead"] for n in everything], [True, False, False])
        self.assertRegex(everything[0]["readAt"], TIME)
        self.assertEqual(self.ok("POST", read, token, {"all": True}), {"unreadCount": 0})
        self.assertEqual(self.unread(other), 3)
        self.refused(422, "missing_field", "POST", read, token, {}, "ids")
        self.refused(422, "missing_field", "POST", read, token, {"all": False}, "ids")
        self.refused(422, "invalid_value", "POST", read, token, {"all": True, "ids": ids}, "ids")
        self.refused(422, "out_of_range", "POST", read, token, {"ids": []}, "ids")
        self.refused(422, "invalid_value", "POST", read, token, {"ids": ["x"]}, "ids")
        self.refused(401, "unauthorized", "GET", "/notifications")
        self.refused(422, "invalid_cursor", "GET", "/notifications?cursor=x", token,
                     field="cursor")
        self.refused(400, "wrong_type", "GET", "/notifications?unread=1", token, field="unread")

    def test_a_caller_who_is_gone(self):
        """The stream is live and all are told, whether or not somebody waits for the answer."""
        with sqlite3.connect(self.daemon.settings["store.url"][len("sqlite:"):], timeout=30) as db:
            db.execute("INSERT INTO users (id, created_at, updated_at) WITH RECURSIVE n (i) AS"
                       " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)"
                       " SELECT printf('crowd-%d', i), 1, 1 FROM n")
            db.execute("INSERT INTO follows SELECT id, 'seller-1', 1 FROM users"
                       " WHERE id LIKE 'crowd-%'")
        db.close()
        stream = self.scheduled()
        body = '{"camera_ready":true,"checklist_complete":true}'
        with socket.create_connection(("127.0.0.1", self.daemon.http_port)) as s:
            s.sendall((f"POST /api/v1/streams/{stream}/go-live HTTP/1.1\r\nHost: x\r\n"
                       f"Authorization: Bearer {self.seller}\r\nContent-Type: application/json\r\n"
                       f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
        wait_for(lambda: self.ok("GET", f"/streams/{stream}")["state"] == "waiting",
                 "the stream waits for its publisher")
        crowd = self.meet("crowd-6000")
        self.assertEqual(self.unread(crowd), 1)


class Edges(PeopleTest):
    def heard(self, here, there):
        self.place("here", *here)
        self.place("there", *there)
        return self.go_live(notify_followers=False, notify_neighborhood=True)["notificationsSent"]

    def test_meridian_and_poles(self):
        self.seller = self.meet("seller-1", "seller", neighborhood="here")
        self.meet("somebody", neighborhood="there")
        for here, there, near in (
                ((0, 180), (0, -180), 1),
                ((10, 179.995), (10, -179.995), 1),
                ((10, -179.995), (10, 179.995), 1),
                ((0, 179.98), (0, -179.98), 0),
                ((90, 0), (90 - 1.9 * KM, 123), 1),
                ((90, 0), (90 - 2.1 * KM, 123), 0),
                ((90 - 0.9 * KM, 100), (90 - 0.9 * KM, -80), 1),
                ((90 - 1.1 * KM, 100), (90 - 1.1 * KM, -80), 0),
                ((-90 + 0.9 * KM, -170), (-90 + 0.9 * KM, 10), 1)):
            with self.subTest(here=here, there=there):
                self.assertEqual(self.heard(here, there), near)


class Devices(PeopleTest):
    def test_devices(self):
        ann, bob = self.meet("ann"), self.meet("bob")
        made = self.ok("POST", "/devices", ann, {"platform": "ios", "token": "t:1"}, 201)
        self.assertRegex(made["id"], UUID)
        self.assertRegex(made["createdAt"], TIME)
        self.assertEqual((made["platform"], made["token"]), ("ios", "t:1"))
        again = self.ok("POST", "/devices", ann, {"platform": "web", "token": "t:1"}, 201)
        self.assertEqual((again["id"], again["platform"]), (made["id"], "web"))
        self.assertEqual([d["id"] for d in self.ok("GET", "/devices", ann)], [made["id"]])
        moved = self.ok("POST", "/devices", bob, {"platform": "ios", "token": "t:1"}, 201)
        self.assertNotEqual(moved["id"], made["id"])
        self.assertEqual(self.ok("GET", "/devices", ann), [])
        self.refused(404, "device_not_found", "DELETE", f"/devices/{moved['id']}", ann)
        self.assertEqual(self.ok("DELETE", f"/devices/{moved['id']}", bob),
                         {"id": moved["id"], "status": "deleted"})
        self.refused(404, "device_not_found", "DELETE", f"/devices/{NOWHERE}", bob)
        self.refused(404, "not_found", "DELETE", "/devices/x", bob)
        self.refused(422, "invalid_value", "POST", "/devices", ann,
                     {"platform": "fax", "token": "t"}, "platform")
        self.refused(422, "missing_field", "POST", "/devices", ann, {"platform": "web"}, "token")
        self.refused(401, "unauthorized", "GET", "/devices")
        for i in range(20):
            self.ok("POST", "/devices", ann, {"platform": "web", "token": f"t{i}"}, 201)
        self.refused(409, "too_many_devices", "POST", "/devices", ann,
                     {"platform": "web", "token": "one more"})
        self.ok("POST", "/devices", ann, {"platform": "ios", "token": "t7"}, 201)


if __name__ == "__main__":
    unittest.main()
