"""How an ingest goes, and what its seller had better change: API, event, soukctl, metrics."""
from support import SoukTest, wait_for
from websocket_client import JsonClient


class Health(SoukTest):
    def advice(self, souk, made):
        health = souk.stream(made)["ingest"]["health"]
        return {a["code"]: a["message"] for a in health["advice"]}

    def test_keyframes_too_far_apart(self):
        souk = self.soukd()
        made = souk.create_stream()
        seller = JsonClient(souk.http_port, souk.token("seller-1", "seller"))
        self.addCleanup(seller.ws.close)
        other = JsonClient(souk.http_port, souk.token("alice", "buyer"))
        self.addCleanup(other.ws.close)
        other.call("stream:join", {"stream_id": made["streamId"]})
        self.assertEqual(souk.stream(made)["ingest"]["health"],
                         {"status": "unknown", "skewMs": 0, "jitterMs": 0, "lateMs": 0,
                          "missingFrames": 0, "advice": []})
        self.publisher(souk.publish_url(made), gop=250)
        told = wait_for(lambda: self.advice(souk, made).get("keyframe_interval"), "it is advised")
        self.assertRegex(told, r"^Keyframe interval is \d+\.\d s: set 2 s in Output settings\.$")
        event = seller.event("stream:health",
                             lambda e: "keyframe_interval" in [a["code"] for a in e["advice"]])
        self.assertEqual(event["streamId"], made["streamId"])
        self.assertIn(event["status"], ("fair", "poor"))
        self.assertGreater(event["keyframeInterval"], 4)
        self.assertGreater(event["bitrate"], 0)
        self.assertEqual(other.all("stream:health"), [])
        wait_for(lambda: souk.metric("souk_ingests", 'health="fair"') +
                 souk.metric("souk_ingests", 'health="poor"') == 1, "it is counted")
        top = souk.ctl("streams", "top", "--once", parse=False)
        self.assertRegex(top, r"HEALTH")
        self.assertRegex(top, r"fair|poor")

    def test_an_encoder_that_is_set_right(self):
        souk = self.soukd()
        made = souk.create_stream()
        self.publisher(souk.publish_url(made))
        wait_for(lambda: souk.stream(made)["ingest"]["health"]["status"] != "unknown", "judged")
        # The machine may be slow; what the encoder was set to is right all the same.
        self.assertNotIn("keyframe_interval", self.advice(souk, made))
        self.assertNotIn("bitrate_near_limit", self.advice(souk, made))
        self.assertNotIn("no_audio", self.advice(souk, made))
