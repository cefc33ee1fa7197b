"""The room beside the picture in a real Chromium: chat, reactions, counts, products, moderation, and
what is shown when the server goes away.

SOUK_SHOTS: a folder for pictures of the page's states.
"""
import datetime
import re
import shutil
import unittest

from support import CutProxy, SoukTest, install_modules, wait_for
from test_browser import CHROMIUM, PHONE, Browser, playing
from websocket_client import JsonClient

DESKTOP = {"width": 1280, "height": 800}
HOSTILE = "<img src=x onerror=\"document.title='caught'\"><script>document.title='caught'</script>"


class Page(Browser):
    def chat(self):
        return self.do("chat")

    def wait_chat(self, condition, what, timeout=None):
        """The first look at the room for which the condition holds."""
        last = {}

        def ask():
            last.clear()
            last.update(self.chat())
            return dict(last) if condition(last) else None
        try:
            return wait_for(ask, what, timeout)
        except AssertionError as e:
            raise AssertionError(f"{e}; the room: {last}") from None

    def wait_text(self, text, what):
        return self.wait_chat(lambda c: text in texts(c), what)

    def say(self, text):
        self.do("type", selector="#say", text=text)
        self.do("press", key="Enter")


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def texts(chat):
    return [m["text"] for m in chat["messages"]]


@unittest.skipUnless(CHROMIUM and shutil.which("node"), "chromium or node is missing")
class WatchChat(SoukTest):
    @classmethod
    def setUpClass(cls):
        cls.modules = install_modules("browser")

    def page(self, souk, made, user=None, *roles, token=None, port=None, **screen):
        b = Page(self.modules)
        self.addCleanup(b.close)
        url = f"http://127.0.0.1:{port or souk.http_port}/watch/{made['streamId']}"
        if user:
            token = souk.token(user, *(roles or ("buyer",)))
        b.do("open", url=url + (f"#token={token}" if token else ""), **(screen or DESKTOP))
        return b

    def client(self, souk, made, user, *roles):
        c = JsonClient(souk.http_port, souk.token(user, *(roles or ("buyer",))))
        self.addCleanup(c.ws.close)
        self.assertNotIn("error", c.call("stream:join", {"stream_id": made["streamId"]}))
        return c

    def tell(self, client, made, message):
        answer = client.call("stream:chat", {"stream_id": made["streamId"], "message": message})
        self.assertIn("id", answer)
        return answer["id"]

    def test_write_read_delete_mute(self):
        souk = self.soukd({"log.level": "info"})
        made = souk.create_stream()
        bob = self.client(souk, made, "bob")
        self.tell(bob, made, "first")
        self.tell(bob, made, HOSTILE)
        page = self.page(souk, made, "alice", **PHONE)
        c = page.wait_text("first", "the history is there")
        self.assertEqual(texts(c), ["first", HOSTILE])
        self.assertEqual([m["markup"] for m in c["messages"]], [0, 0])
        self.assertNotEqual(page.state()["title"], "caught")
        page.wait_chat(lambda c: c["viewers"] == "2", "two watch")

        page.say("  hello, köşk 💎 ")
        self.assertEqual(bob.event("chat:message", lambda m: m["userId"] == "alice")["message"],
                         "hello, köşk 💎")
        c = page.wait_chat(lambda c: len(c["messages"]) == 3 and not c["messages"][2]["unsent"],
                           "the own message is there, once")
        self.assertEqual((c["messages"][2]["who"], c["written"], c["focus"]), ("You", "", "say"))
        # Keys that steer the player are letters here.
        page.do("type", selector="#say", text="kmfijl")
        page.do("press", key="k")
        c = page.chat()
        self.assertEqual((c["written"], c["wide"]), ("kmfijlk", False))
        self.assertIsNone(c["room"])
        page.do("type", selector="#say", text="💎" * 195)
        self.assertEqual(page.chat()["room"], "5 left")
        page.do("type", selector="#say", text="💎" * 201)
        page.do("press", key="Enter")
        c = page.chat()
        self.assertEqual((c["room"], c["written"]), ("1 too many", "💎" * 201))
        page.do("type", selector="#say", text="")
        # A phone's keyboard takes the lower half: the picture and what is said stay in sight.
        page.do("resize", width=390, height=470)
        c = page.wait_chat(lambda c: c["high"] == 470 and c["send"]["y"] + 44 < 470
                           and c["video"]["y"] == 0, "the field is above the keyboard")
        page.shot("keyboard-phone-light")
        page.do("resize", width=390, height=844)

        seller = souk.token("seller-1", "seller")
        api = f"/api/v1/streams/{made['streamId']}"
        gone = self.tell(bob, made, "to be deleted")
        page.wait_text("to be deleted", "it is there")
        self.assertEqual(souk.request("DELETE", f"{api}/chat/{gone}", token=seller).status, 200)
        page.wait_chat(lambda c: "to be deleted" not in texts(c), "it vanishes")
        bob.ws.close()
        page.wait_chat(lambda c: c["viewers"] == "1", "one watches")

        mute = {"user_id": "alice", "seconds": 200}
        self.assertEqual(souk.request("POST", f"{api}/mutes", mute, seller).status, 201)
        c = page.wait_chat(lambda c: c["note"], "the muted one is told")
        self.assertRegex(c["note"], r"^You are muted: you can write again in [23]:\d\d\.$")
        self.assertFalse(c["writes"] or c["reacts"])
        souk.request("DELETE", f"{api}/mutes/alice", token=seller)
        page.wait_chat(lambda c: c["writes"] and not c["note"], "and may write again")
        souk.request("POST", f"{api}/mutes", {"user_id": "alice", "ban": True}, seller)
        page.wait_chat(lambda c: c["note"] == "You are banned from this stream.", "the ban is told")
        page.shot("banned-phone-light")
        self.assertEqual(page.chat()["problems"], [])

    def test_a_guest_reads(self):
        souk = self.soukd({"log.level": "info"})
        made = souk.create_stream()
        bob = self.client(souk, made, "bob")
        page = self.page(souk, made, dark=True, **PHONE)
        page.wait_chat(lambda c: c["viewers"] == "2", "the guest is counted")
        self.tell(bob, made, "hello guest")
        c = page.wait_text("hello guest", "the guest reads")
        self.assertIn("Sign in to write", c["note"])
        self.assertFalse(c["writes"] or c["reacts"])
        wait_for(lambda: page.chat()["says"] == "bob: hello guest", "it is read out")
        self.assertEqual(page.chat()["problems"], [])
        page.shot("guest-phone-dark")

    def test_moderation_by_keyboard(self):
        souk = self.soukd({"log.level": "info"})
        made = souk.create_stream()
        bob = self.client(souk, made, "bob")
        page = self.page(souk, made, "seller-1", "seller", dark=True, **DESKTOP)
        for text in ("one", "two"):
            self.tell(bob, made, text)
        page.wait_text("two", "the seller reads")

        def menu(*keys):
            page.do("focus", selector=".more-button[tabindex='0']")
            for key in keys:
                page.do("press", key=key)
        menu("ArrowUp", "Enter")
        page.wait_chat(lambda c: c["focus"] == "menu-item", "the menu has the focus")
        page.shot("menu-desktop-dark")
        page.do("press", key="Escape")
        self.assertEqual(page.chat()["focus"], "more-button")
        page.do("press", key="Enter")
        page.do("press", key="Enter")
        bob.event("chat:deleted")
        page.wait_chat(lambda c: texts(c) == ["two"], "the one is deleted")
        menu("Enter", "ArrowDown", "Enter")
        self.assertEqual(bob.event("chat:muted")["kind"], "mute")
        page.wait_chat(lambda c: c["notice"] == "bob is muted for 5 minutes.", "it is confirmed")
        menu("Enter", "ArrowDown", "Enter")
        bob.event("chat:muted", lambda m: m["lifted"])
        menu("Enter", "End", "Enter")
        self.assertEqual([m["kind"] for m in bob.all("chat:muted")], ["mute", "mute"])
        page.do("press", key="Enter")
        bob.event("chat:muted", lambda m: m["kind"] == "ban" and not m["lifted"])
        self.assertEqual(page.chat()["problems"], [])

    def test_too_fast_is_told_and_nothing_is_lost(self):
        souk = self.soukd({"log.level": "info", "chat.rate": "2"})
        made = souk.create_stream()
        page = self.page(souk, made, "alice", **PHONE)
        page.wait_chat(lambda c: c["writes"], "alice may write")
        for text in ("one", "two", "three"):
            page.say(text)
        c = page.wait_chat(lambda c: any(m["failure"] for m in c["messages"]), "it is refused")
        self.assertEqual(texts(c), ["one", "two", "three"])
        self.assertRegex(c["messages"][2]["failure"], r"too many messages. Wait \d:\d\d\.")
        self.assertRegex(c["wait"], r"^\d:\d\d$")
        page.shot("too-fast-phone-light")
        self.assertEqual(page.chat()["problems"], [])

    def test_slow_mode(self):
        souk = self.soukd({"log.level": "info"})
        made = souk.create_stream()
        bob = self.client(souk, made, "bob")
        page = self.page(souk, made, "seller-1", "seller", **DESKTOP)
        page.wait_chat(lambda c: c["writes"], "he may write")
        page.do("choose", selector="#slow-select", value="30")
        self.assertEqual(bob.event("stream:slow-mode")["seconds"], 30)
        page.wait_chat(lambda c: c["notice"] == "Slow mode: one message every 30 s.",
                       "it is confirmed")
        page.say("sellers do not wait")
        page.say("they really do not")
        bob.event("chat:message", lambda m: m["message"] == "they really do not")
        self.assertEqual(page.chat()["wait"], "")
        page.close()

        page = self.page(souk, made, "alice", **PHONE)
        c = page.wait_chat(lambda c: c["slow"], "the viewer is told")
        self.assertEqual(c["slow"], "Slow mode: one message every 30 s")
        # The same user elsewhere is first: the page learns of it by the refusal.
        self.tell(self.client(souk, made, "alice"), made, "from another device")
        page.say("too early")
        c = page.wait_chat(lambda c: c["messages"][-1]["failure"], "it is refused")
        self.assertRegex(c["messages"][-1]["failure"], r"slow mode. Wait 0:[0-3]\d\.")
        self.assertNotEqual(c["wait"], "")
        page.shot("slow-phone-light")
        souk.request("PATCH", f"/api/v1/streams/{made['streamId']}/settings", {"slow_mode": 0},
                     souk.token("seller-1", "seller"))
        page.wait_chat(lambda c: not c["slow"] and not c["wait"], "slow mode ends")
        wait_for(lambda: page.do("eval", js="!document.querySelector('.again').disabled"),
                 "it may be tried again")
        page.do("click", selector=".again")
        page.wait_chat(lambda c: texts(c)[-1] == "too early"
                       and not c["messages"][-1]["unsent"], "it is sent")
        bob.event("chat:message", lambda m: m["message"] == "too early")
        self.assertEqual(page.chat()["problems"], [])

    def show(self, souk):
        """A stream on air with a product."""
        souk.create_stream("To make the seller", "seller-1")
        seller = souk.token("seller-1", "seller")

        def ok(path, body=None):
            answer = souk.request("POST", "/api/v1" + path, body, seller)
            self.assertLess(answer.status, 300, answer.text)
            return answer.json["data"]
        rug = ok("/products", {"name": "Rug", "price": 24900, "currency": "EUR",
                               "url": "https://shop.example/rug"})["id"]
        stream = ok("/streams", {"title": "Rugs", "product_ids": [rug]})["id"]
        made = ok(f"/streams/{stream}/go-live", {"camera_ready": True, "checklist_complete": True})
        made["streamId"] = stream
        encoder = self.publisher(souk.publish_url(made), size="640x360")
        souk.wait_playable(made)
        return made, f"/streams/{stream}/products/{rug}", ok, encoder

    def test_products_and_reactions_on_the_picture(self):
        souk = self.soukd({"log.level": "info"})
        made, rug, ok, encoder = self.show(souk)
        page = self.page(souk, made, "alice", **PHONE)
        page.wait(playing, "it plays")
        page.wait_chat(lambda c: c["reacts"], "reactions are offered")
        bob = self.client(souk, made, "bob")
        ok(f"{rug}/tag", {"x": 0.25, "y": 0.6})
        ok(f"{rug}/pin")
        c = page.wait_chat(lambda c: c["pinned"] == "Rug" and c["tags"], "card and tag are there")
        page.shot("pinned-phone-light")
        self.at_its_place(c, 0.25, 0.6)
        views = wait_for(lambda: souk.get("/api/v1" + rug.rsplit("/", 1)[0]).json["data"][0]["views"],
                         "the look is counted")
        self.assertEqual(views, 1)
        # On its side there are bars beside the picture: the tag is in the picture, not in the page.
        page.do("eval", js="document.getElementById('stage').style.cssText = "
                           "'aspect-ratio: 1; max-height: none'")
        page.wait_chat(lambda c: c["video"]["height"] > 380 and c["picture"]["y"] > 100,
                       "the picture is boxed in")
        self.at_its_place(page.chat(), 0.25, 0.6)

        # What rises is gone after seconds: it is counted as it comes.
        page.do("eval", js="""(() => { window.risen = 0; new MutationObserver((all) => {
            for (const m of all) window.risen += m.addedNodes.length;
        }).observe(document.getElementById('floats'), { childList: true }); })()""")
        bob.call("stream:reaction", {"stream_id": made["streamId"], "emoji": "🔥"})
        wait_for(lambda: page.do("eval", js="window.risen") == 1, "another's reaction rises")
        page.do("click", selector=".reaction[aria-label=Gem]")
        bob.event("reaction:new", lambda r: r["emoji"] == "💎")
        bob.call("stream:reaction", {"stream_id": made["streamId"], "emoji": "👏"})
        wait_for(lambda: page.do("eval", js="window.risen") == 3, "the own one rises once")
        for _ in range(80):
            bob.send("stream:reaction", {"stream_id": made["streamId"], "emoji": "😂"})
        wait_for(lambda: page.do("eval", js="window.risen") > 5, "many rise")
        self.assertLessEqual(page.chat()["floats"], 30)
        wait_for(lambda: page.chat()["floats"] == 0, "and are gone")
        souk.request("DELETE", f"/api/v1{rug}/pin", token=souk.token("seller-1", "seller"))
        page.wait_chat(lambda c: not c["pinned"], "the card goes")
        self.in_the_recording(souk, made, page, encoder)
        self.assertEqual(page.chat()["problems"], [])

    def in_the_recording(self, souk, made, page, encoder):
        encoder.stop()
        page.wait(lambda s: s["source"] == "vod" and playing(s), "the recording plays")
        playlist = souk.get(f"/vod/{made['streamId']}/index.m3u8").text
        first = moment(re.search(r"PROGRAM-DATE-TIME:(\S+)", playlist)[1])
        pinned, unpinned = (
            moment(re.search(rf'START-DATE="([^"]+)".*X-ACTION="{action}"', playlist)[1]) - first
            for action in ("pinned", "unpinned"))
        seek = "(() => { const v = document.getElementById('video'); v.pause(); v.currentTime = %f; })()"
        page.do("eval", js=seek % ((pinned + unpinned) / 2))
        c = page.wait_chat(lambda c: c["pinned"] == "Rug" and c["tags"], "at its time it is shown")
        self.at_its_place(c, 0.25, 0.6)
        for time in (0, pinned / 2):
            page.do("eval", js=seek % time)
            page.wait_chat(lambda c: not c["pinned"] and not c["tags"], "and before it is not")

    def at_its_place(self, c, x, y):
        """The dot's middle, reckoned from the video's own box and shape."""
        video, dot = c["video"], c["tags"][0]["dot"]
        width = min(video["width"], video["height"] * video["ratio"])
        height = width / video["ratio"]
        left = video["x"] + (video["width"] - width) / 2 + x * width
        top = video["y"] + (video["height"] - height) / 2 + y * height
        self.assertAlmostEqual(dot["x"] + dot["width"] / 2, left, delta=2)
        self.assertAlmostEqual(dot["y"] + dot["height"] / 2, top, delta=2)

    def test_still_for_who_wants_no_motion(self):
        souk = self.soukd({"log.level": "info"})
        made = souk.create_stream()
        page = self.page(souk, made, "alice", still=True, **DESKTOP)
        page.wait_chat(lambda c: c["reacts"], "reactions are offered")
        bob = self.client(souk, made, "bob")
        page.do("eval", js="""(() => { window.tallies = []; new MutationObserver(() =>
            window.tallies.push(document.getElementById('tally').textContent))
            .observe(document.getElementById('tally'), { childList: true }); })()""")
        bob.call("stream:reaction", {"stream_id": made["streamId"], "emoji": "🔥"})
        wait_for(lambda: page.do("eval", js="window.tallies") == ["🔥 1"], "it is counted instead")
        self.assertEqual(page.chat()["floats"], 0)

    def test_scrolled_back(self):
        souk = self.soukd({"log.level": "info", "chat.rate": "0", "events.rate": "2000"})
        made = souk.create_stream()
        bob = self.client(souk, made, "bob")
        page = self.page(souk, made, "alice", **PHONE)
        for i in range(60):
            self.tell(bob, made, f"line {i}")
        page.wait_text("line 59", "the last is there")
        at_end = ("(() => { const l = document.getElementById('log');"
                  "return l.scrollHeight - l.scrollTop - l.clientHeight < 2; })()")
        wait_for(lambda: page.do("eval", js=at_end), "it stands at the end")
        page.do("eval", js="document.getElementById('log').scrollTop = 100")
        wait_for(lambda: page.do("eval", js="document.getElementById('log').scrollTop") == 100,
                 "it is scrolled")
        # Only once the page knows of it.
        page.do("eval", js="new Promise((r) => requestAnimationFrame(() => setTimeout(r, 50)))")
        for i in range(300):
            self.tell(bob, made, f"later {i}")
        c = page.wait_chat(lambda c: c["newer"] == "200+ new messages", "what is new is counted")
        self.assertEqual(page.do("eval", js="document.getElementById('log').scrollTop"), 100)
        page.shot("newer-phone-light")
        page.do("click", selector="#newer")
        c = page.wait_text("later 299", "one press leads to the end")
        self.assertEqual(len(c["messages"]), 200)
        self.assertIsNone(c["newer"])
        wait_for(lambda: page.do("eval", js=at_end), "it stands at the end again")
        self.assertEqual(page.chat()["problems"], [])

    def test_killed_and_restarted(self):
        souk = self.soukd({"log.level": "info", "chat.rate": "0"})
        made = souk.create_stream()
        bob = self.client(souk, made, "bob")
        page = self.page(souk, made, "alice", **DESKTOP)
        kept = [f"before {i}" for i in range(5)]
        for text in kept:
            self.tell(bob, made, text)
        page.wait_text("before 4", "all is well")
        souk.kill9()
        page.wait_chat(lambda c: c["link"] == "Connection lost. Trying again…", "the page says so")
        page.shot("lost-desktop-light")
        # What one writes now waits for the connection.
        page.say("written without a server")
        c = page.wait_text("written without a server", "it is there at once")
        self.assertTrue(c["messages"][-1]["unsent"])
        # It stays away until the others have gone on without it.
        page.do("network", on=False)
        souk.start()
        bob = self.client(souk, made, "bob")
        meanwhile = [f"meanwhile {i}" for i in range(3)]
        for text in meanwhile:
            self.tell(bob, made, text)
        self.assertEqual(texts(page.chat()), [*kept, "written without a server"])
        page.do("network", on=True)
        c = page.wait_chat(lambda c: set(meanwhile) <= set(texts(c))
                           and not any(m["unsent"] or m["failure"] for m in c["messages"]),
                           "it comes back by itself, and misses nothing")
        self.assertEqual(texts(c), [*kept, *meanwhile, "written without a server"])
        self.assertEqual(len({m["id"] for m in c["messages"]}), 9)
        page.wait_chat(lambda c: c["link"] != "Connection lost. Trying again…"
                       and c["viewers"] == "2", "and says that it is back")
        told = bob.event("chat:message", lambda m: m["userId"] == "alice")
        self.assertEqual(told["message"], "written without a server")
        self.assertEqual(page.chat()["problems"], [])

    def test_cut_off_for_a_moment(self):
        souk = self.soukd({"log.level": "info", "chat.rate": "0"})
        made = souk.create_stream()
        bob = self.client(souk, made, "bob")
        proxy = CutProxy(souk.http_port)
        self.addCleanup(proxy.close)
        page = self.page(souk, made, "alice", port=proxy.port, **PHONE)
        page.wait_chat(lambda c: c["viewers"] == "2" and c["writes"], "it joins")
        said = []
        for round in range(3):
            for i in range(4):
                said.append(f"{round}.{i}")
                self.tell(bob, made, said[-1])
                if i == 1:
                    proxy.cut()
            page.say(f"{round} from the page")
            said.append(f"{round} from the page")
            page.wait_chat(lambda c: len(c["messages"]) >= len(said)
                           and not any(m["unsent"] for m in c["messages"]), "all of it is there")
        self.assertEqual(texts(page.chat()), said)
        self.assertEqual([m["message"] for m in bob.all("chat:message")], said)

    def test_a_token_that_is_no_good_makes_a_guest(self):
        souk = self.soukd({"log.level": "info"})
        made = souk.create_stream()
        bob = self.client(souk, made, "bob")
        self.tell(bob, made, "hello")
        page = self.page(souk, made, token=souk.token("alice", "buyer")[:-4] + "AAAA", **PHONE)
        c = page.wait_chat(lambda c: "hello" in texts(c) and c["note"], "it reads as a guest")
        self.assertIn("sign-in has ended", c["note"])
        self.assertFalse(c["writes"] or c["reacts"])
        # Another link to the same page brings a name.
        page.do("eval", js=f"location.hash = 'token={souk.token('alice', 'buyer')}'")
        page.wait_chat(lambda c: c["writes"] and not c["note"], "and writes as somebody")
        page.say("here I am")
        bob.event("chat:message", lambda m: m["userId"] == "alice")

    def test_off_and_over(self):
        souk = self.soukd({"log.level": "info"})
        made = souk.create_stream("Quiet", "seller-1", "--no-chat")
        page = self.page(souk, made, "alice", **DESKTOP)
        c = page.wait_chat(lambda c: c["note"], "it is told")
        self.assertEqual(c["note"], "The seller has turned off the chat.")
        self.assertFalse(c["writes"])
        souk.ctl("streams", "end", made["streamId"])
        page.wait_chat(lambda c: c["note"] == "The stream is over, and so is its chat.",
                       "the end is told")


if __name__ == "__main__":
    unittest.main()
