"""The load tools against a real daemon: short, for what they print rather than for how fast."""
import json
import os
import subprocess
import unittest

import flv_files
from support import BUILD, SoukTest


def tool(name, *args):
    out = subprocess.run([os.path.join(BUILD, "tools", "load", name), *args], capture_output=True,
                         text=True, timeout=120)
    return out.returncode, json.loads(out.stdout) if out.stdout else out.stderr


def read_log(path):
    """CRC-32 of each packet that was sent, in order, by kind; configurations left out."""
    sent = {"video": [], "audio": []}
    with open(path) as f:
        for line in f:
            _, _, kind, config, _, _, _, _, crc, _ = line.split("\t")
            if kind in sent and config == "0":
                sent[kind].append(crc)
    return sent


def packet_crcs(source, kind):
    out = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", kind[0], "-show_packets", "-show_data_hash",
         "crc32", "-show_entries", "packet=data_hash", "-of", "json", source],
        capture_output=True, text=True, timeout=120, check=True).stdout
    return [p["data_hash"].split(":")[1].lower() for p in json.loads(out)["packets"]]


class LoadTools(SoukTest):
    def test_publishers_and_players(self):
        souk = self.soukd()
        made = [souk.create_stream(f"Load {i}", f"seller-{i}") for i in range(3)]
        keys = os.path.join(souk.folder, "keys")
        with open(keys, "w") as f:
            f.write("\n".join(m["streamKey"] for m in made))
        publish = subprocess.Popen(
            [os.path.join(BUILD, "tools", "load", "load_publish"), "--url",
             f"rtmp://127.0.0.1:{souk.rtmp_port}/live", "--file", flv_files.small(), "--keys-file",
             keys, "--streams", "3", "--duration", "20s", "--stamp", "--explicit-stop"],
            stdout=subprocess.PIPE, text=True)
        for one in made:
            souk.wait_playable(one)
        urls = [arg for m in made for arg in
                ("--url", f"http://127.0.0.1:{souk.http_port}/hls/{m['streamId']}/index.m3u8")]
        status, played = tool("load_hls", "play", *urls, "--connections", "3", "--duration", "5s")
        self.assertEqual(status, 0, played)
        self.assertEqual(played["playing"], 3)
        self.assertGreater(played["frameLatencyMs"]["count"], 50)
        status, got = tool("load_hls", "hammer", urls[0], urls[1], "--connections", "20",
                           "--requests", "300", "--duration", "30s")
        self.assertEqual(status, 0, got)
        self.assertEqual(got["statuses"], {"200": got["requests"]})
        summary = json.loads(publish.communicate()[0])
        self.assertEqual(publish.returncode, 0, summary)
        self.assertEqual((summary["published"], summary["errors"]), (3, 0))

    def test_what_the_log_says_is_in_the_vod(self):
        """Deltas as OBS sends them across 2^32 ms, and two drops."""
        souk = self.soukd()
        made = souk.create_stream()
        log = os.path.join(souk.folder, "packets.tsv")
        status, summary = tool(
            "load_publish", "--url", f"rtmp://127.0.0.1:{souk.rtmp_port}/live", "--file",
            flv_files.bframes(), "--key-format", made["streamKey"], "--duration", "30s", "--speed",
            "5", "--start-timestamp", str(2**32 - 9000), "--drop-at", "7s,16s", "--reconnect",
            "200ms", "--deltas", "--publish-log", log, "--explicit-stop")
        self.assertEqual(status, 0, summary)
        self.assertEqual(summary["perStream"][0]["connections"], 3)
        vod, sent = souk.wait_vod(made), read_log(log)
        self.assertEqual(len(sent["video"]), summary["perStream"][0]["video"])
        for kind in ("video", "audio"):
            self.assertEqual(packet_crcs(vod, kind), sent[kind], kind)

    def test_a_wrong_key_is_an_error(self):
        souk = self.soukd()
        status, summary = tool("load_publish", "--url", f"rtmp://127.0.0.1:{souk.rtmp_port}/live",
                               "--file", flv_files.small(), "--key-format", "sk_no_such_{n}")
        self.assertEqual(status, 1)
        self.assertIn("NetStream.Publish.BadName", summary["perStream"][0]["error"])


if __name__ == "__main__":
    unittest.main()
