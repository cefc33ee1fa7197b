"""A thousand sockets of four hundred viewers who come, leave in every way, come back and are cut off
by a kill -9: how many watch is told right after every change, and never wrong again; who came, how
many at most, and how long each of them watched is right at the end.

SOUK_CROWD_SEED (1).
"""
import asyncio
import contextlib
import os
import random
import sqlite3
import time
import unittest

from crowd import JsonSocket, Model, SioSocket, sign
from support import PATIENCE, SoukTest

API = "/api/v1"
SEED = int(os.environ.get("SOUK_CROWD_SEED", "1"))
USERS, GUESTS, SOCKETS = 360, 40, 1000
AT_ONCE = 40
# Watch time is right to a second, beside what the clients cannot know.
WITHIN = 1.0


class Crowd(SoukTest):
    def setUp(self):
        self.daemon = self.soukd({
            "events.ping_interval": "3s", "events.ping_timeout": "8s", "events.handshakes": 0,
            "events.rate": 0, "http.max_per_address": 0, "limits.address_requests": 0,
            "limits.user_requests": 0, "log.level": "info"})
        with open(self.daemon.settings["auth.secret_file"]) as f:
            secret = f.read().strip()
        self.seller = self.token(secret, "seller-1", "seller")
        self.tokens = {f"user-{i}": self.token(secret, f"user-{i}", "buyer") for i in range(USERS)}
        self.stream = self.daemon.create_stream()["streamId"]
        self.rng, self.model = random.Random(SEED), Model()
        self.inside, self.outside = [], []  # sockets that are in the stream, and that could be
        self.expected = 0

    @staticmethod
    def token(secret, user, role):
        return sign(secret, {"sub": user, "roles": [role], "exp": int(time.time()) + 3600})

    def test_a_thousand_sockets(self):
        asyncio.run(self.whole_story())

    async def whole_story(self):
        await self.come(SOCKETS - GUESTS, GUESTS)
        self.assertEqual((len(self.inside), self.expected), (SOCKETS, USERS + GUESTS))
        gone = await self.go_in_all_ways()
        await self.come_back(gone)
        await self.fall_silent()
        await self.be_killed()
        await self.churn()
        await self.come(0, USERS + GUESTS + 10 - self.expected)
        self.assertEqual(self.model.peak, USERS + GUESTS + 10)
        await self.end()

    # --- what the server says ---

    def ask(self, path):
        answer = self.daemon.request("GET", f"{API}/streams/{self.stream}{path}", token=self.seller)
        self.assertEqual(answer.status, 200, answer.text)
        return answer.json["data"]

    async def wait(self, condition, what):
        deadline = time.monotonic() + PATIENCE
        while not await condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain: {what}; expected {self.expected}, "
                                     f"heard {self.heard}")
            await asyncio.sleep(0.05)

    async def told_all(self):
        return all(s.told[-1] == self.expected for s in self.inside if s.told)

    async def told_by_rest(self):
        basics = (await asyncio.to_thread(self.ask, "/analytics"))["basicStats"]
        self.assertLessEqual(basics["uniqueViewers"], len(self.model.known))
        self.heard = basics["currentViewers"]
        return self.heard == self.expected

    def check_told(self, before):
        """The count went one way only, from what it was to what it is."""
        steps = sorted((before, self.expected))
        for s in self.inside:
            told = s.told[s.mark:]
            self.assertEqual(told, sorted(told, reverse=before > self.expected))
            self.assertTrue(all(steps[0] <= n <= steps[1] for n in told), told)

    async def settle(self, one_way=True):
        """All who are in, REST and the metrics say the right count; it is remembered from where on
        they may say nothing else."""
        before, self.expected = self.expected, len(self.model.viewers())
        await self.wait(self.told_by_rest, "the right count by REST")
        await self.wait(self.told_all, "the right count for all sockets")
        self.model.settled()
        self.assertEqual(await asyncio.to_thread(self.daemon.metric, "souk_viewers"), self.expected)
        self.assertEqual((await asyncio.to_thread(self.ask, "/viewers"))["count"], self.expected)
        if one_way:
            self.check_told(before)
        self.mark()

    def mark(self):
        for s in self.inside + self.outside:
            s.mark = len(s.told)

    def begin(self):
        """Something is about to change: until now, nothing has. Who is outside heard nothing."""
        for s in self.inside:
            self.assertLessEqual(set(s.told[s.mark:]), {self.expected})
            self.assertFalse(s.closed.done())
        for s in self.outside:
            self.assertEqual(s.told[s.mark:], [])

    # --- what viewers do ---

    async def at_once(self, todo):
        """Runs coroutines, many at a time but not all."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(task):
            async with gate:
                await task
        await asyncio.gather(*map(one, todo))

    async def enter(self, user):
        kind = self.rng.choice((JsonSocket, SioSocket))
        sock = await kind(self.stream).open(self.daemon.http_port, self.tokens.get(user))
        sock.user, sock.mark = user, 0
        await self.join(sock)

    async def join(self, sock):
        begun = time.monotonic()
        await sock.join()
        self.assertEqual(sock.viewer, sock.user or sock.viewer)
        self.model.sit(sock, begun)
        self.inside.append(sock)

    async def come(self, of_users, guests):
        self.begin()
        users = [f"user-{i % USERS}" for i in range(of_users)] + [None] * guests
        self.rng.shuffle(users)
        await self.at_once(map(self.enter, users))
        await self.settle()

    def pick(self, n, kind=object):
        """So many who are in, who are in no more."""
        chosen = self.rng.sample([s for s in self.inside if isinstance(s, kind)], n)
        self.inside = [s for s in self.inside if s not in set(chosen)]
        return chosen

    async def leave(self, sock):
        asked = time.monotonic()
        await sock.leave()
        self.model.gone(sock, asked)
        self.outside.append(sock)
        sock.mark = len(sock.told)

    async def go_in_all_ways(self):
        self.begin()
        await self.at_once(map(self.leave, self.pick(100)))
        gone = []
        for kind, way in ((object, "go_with_close_frame"), (object, "go_with_fin"),
                          (object, "go_with_half_close"), (object, "go_with_reset"),
                          (SioSocket, "go_with_a_word")):
            for sock in self.pick(100, kind):
                self.model.rise(sock, time.monotonic())
                getattr(sock, way)()
                gone.append(sock)
        await self.settle()
        for sock in gone:
            await asyncio.wait_for(sock.closed, PATIENCE)
        return gone

    async def return_of(self, before):
        """With its place in the room, if that is not known any more, anew; a guest on /ws is
        another one each time."""
        token = self.tokens.get(before.user)
        begun = time.monotonic()
        if isinstance(before, SioSocket):
            sock = await SioSocket(self.stream).open(self.daemon.http_port, token, before)
            sock.user, sock.mark = before.user, 0
            back = sock.recovered
            if back:
                self.assertEqual(sock.id, before.id)
        else:
            sock = await JsonSocket(self.stream).open(self.daemon.http_port, token)
            sock.user, sock.mark, sock.viewer = before.user, 0, before.user
            sock.room = before.room
            back = before.user and "error" not in await sock.come_back(before)
        if not back:
            return await self.join(sock)
        self.model.sit(sock, begun)
        self.inside.append(sock)
        self.returned += 1

    async def come_back(self, gone):
        """Of those who were cut off, most by where they were; and those who only left join."""
        self.begin()
        self.returned = 0
        await self.at_once(map(self.return_of, gone[:400]))
        outside, self.outside = self.outside, []
        await self.at_once(map(self.join, outside))
        await self.settle()
        self.assertGreater(self.returned, 0)

    async def silence(self, sock):
        asked = time.monotonic()
        await sock.go_silent()
        self.model.gone(sock, asked)

    async def fall_silent(self):
        """Only the ping's timeout can tell. Some come back before it has."""
        self.begin()
        silent = self.pick(200)
        await self.at_once(map(self.silence, silent))
        early = [s for s in silent if isinstance(s, SioSocket)][:30]
        for sock in early:
            # Taken over: until then it may have been alive.
            sock.seat.ended_by = None
        self.returned = 0
        await self.at_once(map(self.return_of, early))
        await self.settle()
        for sock in silent:
            sock.go_with_reset()

    def database(self):
        path = self.daemon.settings["store.url"].removeprefix("sqlite:")
        return contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True))

    def rows(self):
        with self.database() as db:
            return {viewer: (ms, left) for viewer, ms, left in db.execute(
                "SELECT viewer, watch_ms, left_at FROM stream_viewers")}

    def stored_stats(self):
        with self.database() as db:
            return db.execute("SELECT peak_viewers, unique_viewers FROM streams").fetchone()

    async def all_is_stored(self):
        """Who ever came, and of those who are gone, that they are."""
        rows = self.rows()
        return self.stored_stats() == (self.model.peak, len(self.model.known)) and \
            set(rows) == self.model.known and \
            {v for v, (_, left) in rows.items() if not left} == self.model.viewers()

    async def be_killed(self):
        self.begin()
        await self.wait(self.all_is_stored, "all viewers are stored")
        kept = {viewer: ms for viewer, (ms, _) in self.rows().items()}
        begun = time.monotonic()
        self.daemon.kill9()
        self.model.killed(kept, begun)
        cut = self.inside + self.outside
        for sock in cut:
            await asyncio.wait_for(sock.closed, PATIENCE)
        self.inside, self.outside, self.expected = [], [], 0
        await asyncio.to_thread(self.daemon.start)
        self.returned = 0
        await self.at_once(map(self.return_of, cut[:450]))
        self.assertEqual(self.returned, 0)
        await self.settle()
        basics = self.ask("/analytics")["basicStats"]
        self.assertEqual((basics["peakViewers"], basics["uniqueViewers"]),
                         (self.model.peak, len(self.model.known)))
        self.assertGreater(self.model.peak, self.expected)

    async def one_of_many(self, sock):
        """Comes and goes, and is there or not at the end."""
        for _ in range(self.rng.randrange(1, 5)):
            way = self.rng.choice(("leave", "go_with_fin", "go_with_reset", "go_with_half_close",
                                   "go_with_close_frame"))
            self.inside.remove(sock)
            if way == "leave":
                await self.leave(sock)
                self.outside.remove(sock)
                await self.join(sock)
                continue
            self.model.rise(sock, time.monotonic())
            getattr(sock, way)()
            if self.rng.random() < 0.3:
                return
            await self.return_of(sock)
            sock = self.inside[-1]

    async def churn(self):
        self.begin()
        await self.at_once(map(self.one_of_many, self.rng.sample(self.inside, 250)))
        await self.settle(one_way=False)

    # --- the end ---

    async def end(self):
        self.begin()
        self.model.settled()
        asked = time.monotonic()
        ended = await asyncio.to_thread(
            self.daemon.request, "POST", f"{API}/streams/{self.stream}/end", {}, self.seller)
        self.model.end(asked)
        self.check_stats(ended.json["data"]["stats"])

        async def all_told():
            return all(s.stats for s in self.inside)
        await self.wait(all_told, "stream:ended for all")
        for sock in self.inside:
            self.check_stats(sock.stats)
            self.assertEqual(sock.stats, self.inside[0].stats)

        async def summed_up():
            return self.ask("")["endedAt"] and self.stored_stats() == (
                self.model.peak, len(self.model.known)) and all(
                left for _, left in self.rows().values())
        await self.wait(summed_up, "the end is stored")
        self.check_watch_time()
        for sock in self.inside + self.outside:
            sock.go_with_close_frame()

    def check_stats(self, stats):
        self.assertEqual((stats["peakViewers"], stats["uniqueViewers"]),
                         (self.model.peak, len(self.model.known)))

    def check_watch_time(self):
        rows = self.rows()
        self.assertEqual(set(rows), self.model.known)
        for viewer, (ms, _) in rows.items():
            least, most = self.model.bounds(viewer)
            self.assertTrue(least - WITHIN <= ms / 1000 <= most + WITHIN,
                            f"{viewer} watched {ms} ms, by the model {least:.3f} to {most:.3f} s")
        basics = self.ask("/analytics")["basicStats"]
        total = sum(ms for ms, _ in rows.values())
        self.assertEqual((basics["currentViewers"], basics["peakViewers"], basics["uniqueViewers"]),
                         (0, self.model.peak, len(rows)))
        self.assertAlmostEqual(basics["totalWatchTime"], total / 1000, delta=1)
        self.assertAlmostEqual(basics["averageWatchTime"], total / 1000 / len(rows), delta=1)


if __name__ == "__main__":
    unittest.main()
