"""What nobody should send: each gets media.md's answer, a log line and a metric, and a publisher
beside it all is not disturbed."""
import contextlib
import os
import socket
import struct
import unittest

from rtmp_client import AUDIO, VIDEO, Closed, RtmpClient, flv_tags
from support import SoukTest, ffprobe_packets, wait_for

import flv_files


class Refusals(SoukTest):
    def closed_metric(self, souk, reason):
        return souk.metric("souk_rtmp_closed_total", f'reason="{reason}"')

    def expect_close(self, souk, client, reason, times=1):
        try:
            client.wait_closed()
        finally:
            client.close()
        wait_for(lambda: self.closed_metric(souk, reason) == times, f"the counter of {reason}")
        self.assertTrue(souk.log_lines("WARN", f"reason={reason}"), souk.log()[-3000:])

    def refused(self, souk, key, app="live"):
        c = RtmpClient(souk.rtmp_port, app)
        status = c.publish(key)
        self.assertEqual(status["level"], "error")
        c.wait_closed()
        c.close()
        return status

    def test_keys(self):
        souk = self.soukd()
        status = self.refused(souk, "no-such-key")
        self.assertEqual(status["code"], "NetStream.Publish.BadName")
        self.assertIn("Wrong", status["description"])
        self.assertEqual(souk.metric("souk_publish_refused_total", "wrong_key"), 1)

        made = souk.create_stream()
        souk.ctl("streams", "rotate-key", made["streamId"])
        status = self.refused(souk, made["streamKey"])
        self.assertEqual(status["code"], "NetStream.Publish.BadName")
        self.assertIn("Used-up", status["description"])

        made = souk.create_stream()
        souk.ctl("streams", "end", made["streamId"])
        status = self.refused(souk, made["streamKey"])
        self.assertEqual(status["code"], "NetStream.Publish.BadName")
        self.assertIn("Ended", status["description"])
        self.assertNotIn(made["streamKey"], souk.log())

    def test_wrong_app(self):
        souk = self.soukd()
        c = RtmpClient(souk.rtmp_port, "other").handshake()
        answer = c.connect()
        self.assertEqual(answer[0], "_error")
        self.assertEqual(answer[3]["code"], "NetConnection.Connect.InvalidApp")
        self.expect_close(souk, c, "invalid_app")

    def test_second_publisher(self):
        souk = self.soukd()
        made = souk.create_stream()
        first, second = RtmpClient(souk.rtmp_port), RtmpClient(souk.rtmp_port)
        self.assertEqual(first.publish(made["streamKey"])["code"], "NetStream.Publish.Start")
        self.assertEqual(second.publish(made["streamKey"])["code"], "NetStream.Publish.Start")
        first.wait_closed()
        self.assertEqual(souk.metric("souk_publishers"), 1)
        first.close()
        second.close()

        souk = self.soukd({"rtmp.takeover": "reject"})
        made = souk.create_stream()
        first = RtmpClient(souk.rtmp_port)
        self.assertEqual(first.publish(made["streamKey"])["code"], "NetStream.Publish.Start")
        status = self.refused(souk, made["streamKey"])
        self.assertEqual(status["code"], "NetStream.Publish.BadName")
        self.assertIn("Another", status["description"])
        self.assertEqual(souk.metric("souk_publishers"), 1)
        first.close()

    def test_garbage(self):
        souk = self.soukd()
        c = RtmpClient(souk.rtmp_port)
        c.send(b"GET / HTTP/1.1\r\n\r\n" + os.urandom(4000))
        self.expect_close(souk, c, "version")
        c = RtmpClient(souk.rtmp_port)
        c.send(b"\x06" + os.urandom(1536))
        self.expect_close(souk, c, "version", times=2)
        for seed in range(20):
            c = RtmpClient(souk.rtmp_port).handshake()
            try:
                c.send(bytes((seed * 31 + i * i * 7) & 255 for i in range(3000)))
                c.socket.shutdown(socket.SHUT_WR)
                c.wait_closed()
            except OSError:
                pass
            c.close()
        self.assertEqual(souk.get("/healthz").status, 200)

    def test_one_byte_at_a_time(self):
        souk = self.soukd()
        made = souk.create_stream()
        c = RtmpClient(souk.rtmp_port, one_byte=True)
        self.assertEqual(c.publish(made["streamKey"])["code"], "NetStream.Publish.Start")
        for kind, ts, payload in flv_tags(flv_files.small())[:40]:
            if kind in (AUDIO, VIDEO):
                c.media(kind, ts, payload)
        wait_for(lambda: souk.stream(made)["state"] == "publishing", "it publishes")
        c.stop()
        c.close()

    def test_limits_of_messages_and_chunks(self):
        souk = self.soukd()
        made = souk.create_stream()
        c = RtmpClient(souk.rtmp_port)
        c.publish(made["streamKey"])
        c.chunk(6, VIDEO, 0, 1, b"\x17\x01\0\0\0" + bytes(100), size=8 * 1024 * 1024 + 1)
        self.expect_close(souk, c, "message_size")

        c = RtmpClient(souk.rtmp_port).handshake()
        c.set_chunk_size(1024 * 1024 + 1)
        self.expect_close(souk, c, "chunk_size")

        c = RtmpClient(souk.rtmp_port).handshake()
        with contextlib.suppress(OSError):  # it may be closed before the last of them
            for csid in range(64, 64 + 80):
                c.send(bytes([0, csid - 64]) + struct.pack(">I", 0)[1:] + b"\0\1\0\x09" +
                       bytes(4) + bytes(128))
        self.expect_close(souk, c, "chunk_streams")

    # A daemon for each, as one short time would also end what is meant to reach the next.
    def test_slow_handshake(self):
        souk = self.soukd({"rtmp.handshake_timeout": "500ms"})
        c = RtmpClient(souk.rtmp_port)
        c.send(b"\x03" + bytes(700))
        self.expect_close(souk, c, "handshake_timeout")

    def test_connected_but_never_publishing(self):
        souk = self.soukd({"rtmp.publish_timeout": "500ms"})
        c = RtmpClient(souk.rtmp_port)
        with contextlib.suppress(Closed, OSError):  # the time may be over before the answer is read
            c.handshake()
            c.connect()
        self.expect_close(souk, c, "publish_timeout")

    def test_silence(self):
        souk = self.soukd({"rtmp.silence_timeout": "1s"})
        made = souk.create_stream()
        c = RtmpClient(souk.rtmp_port)
        self.assertEqual(c.publish(made["streamKey"])["code"], "NetStream.Publish.Start")
        self.expect_close(souk, c, "silence")
        wait_for(lambda: souk.stream(made)["state"] == "interrupted", "the grace has begun")

    def test_bitrate(self):
        souk = self.soukd({"rtmp.max_bitrate": "1M"})
        made = souk.create_stream()
        c = RtmpClient(souk.rtmp_port)
        c.publish(made["streamKey"])
        c.set_chunk_size(65536)
        with contextlib.suppress(OSError):
            for i in range(200):
                c.media(VIDEO, i * 33, b"\x27\x01\0\0\0" + bytes(60000))
        self.expect_close(souk, c, "bitrate")

    def test_connections_per_address(self):
        souk = self.soukd({"rtmp.max_per_address": "3"})
        clients = [RtmpClient(souk.rtmp_port).handshake() for _ in range(3)]
        extra = RtmpClient(souk.rtmp_port)
        try:
            extra.send(b"\x03" + bytes(1536))
            with self.assertRaises(Closed):
                extra.read(1)
        except OSError:
            pass
        for c in [*clients, extra]:
            c.close()
        wait_for(lambda: souk.metric("souk_rtmp_connections") == 0, "all are closed")
        RtmpClient(souk.rtmp_port).handshake().close()

    def test_nothing_disturbs_a_publisher(self):
        souk = self.soukd()
        made = souk.create_stream()
        p = self.publisher(souk.publish_url(made), frames=180)
        souk.wait_playable(made)
        while p.process.poll() is None:
            c = RtmpClient(souk.rtmp_port)
            c.send(os.urandom(2000))
            c.close()
            c = RtmpClient(souk.rtmp_port).handshake()
            c.command("connect", {"app": "live"})
            c.chunk(6, VIDEO, 0, 1, bytes(50), size=8 * 1024 * 1024)
            c.close()
            self.refused(souk, "nope")
        self.assertEqual(p.wait(), 0, p.errors)
        self.assertEqual(len(ffprobe_packets(souk.wait_mp4(made), "v")), 180)


if __name__ == "__main__":
    unittest.main()
