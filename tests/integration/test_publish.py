"""Real encoders publish, say goodbye, are cut off, and come back."""
import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest

from support import PATIENCE, CutProxy, SoukTest, decodes, ffprobe_packets, free_port, wait_for


class Publish(SoukTest):
    def test_ffmpeg_publishes_and_the_vod_has_every_frame(self):
        souk = self.soukd()
        made = souk.create_stream()
        self.assertEqual(souk.stream(made)["status"], "live")
        p = self.publisher(souk.publish_url(made), frames=150, bframes=2)
        souk.wait_playable(made)
        wait_for(lambda: souk.stream(made)["state"] == "publishing", "the state says publishing")
        self.assertEqual(p.wait(), 0, p.errors)
        wait_for(lambda: souk.stream(made)["status"] == "ended", "the encoder's goodbye ends it")
        mp4 = souk.wait_mp4(made)
        self.assertEqual(len(ffprobe_packets(mp4, "v")), 150)
        self.assertEqual(decodes(mp4), "")
        self.assertEqual(decodes(souk.wait_vod(made)), "")
        self.assertTrue(souk.stream(made)["vodUrl"])
        self.assertEqual(souk.metric("souk_publishers"), 0)

    def test_url_forms(self):
        souk = self.soukd()
        for form in ("{}", "{}?token=x&foo=1"):
            made = souk.create_stream()
            p = self.publisher(form.format(souk.publish_url(made)), frames=70)
            souk.wait_playable(made)
            self.assertEqual(p.wait(), 0, p.errors)

    def test_gstreamer(self):
        souk = self.soukd()
        for audio, codec in (("voaacenc ! aacparse", "mp4a.40.2"),
                             ("lamemp3enc ! mpegaudioparse", "mp4a.40.34")):
            with self.subTest(audio):
                self.gstreamer(souk, audio, codec)

    def gstreamer(self, souk, audio, codec):
        made = souk.create_stream()
        pipeline = (
            "flvmux name=mux streamable=true ! rtmp2sink location=" + souk.publish_url(made) + " "
            "videotestsrc num-buffers=150 is-live=true ! video/x-raw,width=320,height=180,"
            "framerate=30/1 ! x264enc tune=zerolatency key-int-max=60 bitrate=300 ! "
            "video/x-h264,profile=baseline ! h264parse ! mux. "
            "audiotestsrc num-buffers=215 is-live=true ! audio/x-raw,rate=44100,channels=2 ! " +
            audio + " ! mux.")
        gst = subprocess.Popen(["gst-launch-1.0", "-q", *pipeline.split()],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(lambda: gst.poll() is None and gst.kill())
        known = wait_for(lambda: (souk.stream(made)["ingest"] or {}).get("audioCodec"), "the codec")
        self.assertEqual(known, codec)
        souk.wait_playable(made)
        out, _ = gst.communicate(timeout=PATIENCE + 30)
        self.assertEqual(gst.returncode, 0, out)
        wait_for(lambda: souk.stream(made)["status"] == "ended", "the sink's goodbye ends it")
        mp4 = souk.wait_mp4(made)
        self.assertEqual(len(ffprobe_packets(mp4, "v")), 150)
        self.assertEqual(decodes(mp4), "")

    def test_comes_back_after_a_cut(self):
        souk = self.soukd()
        made = souk.create_stream()
        proxy = CutProxy(souk.rtmp_port)
        self.addCleanup(proxy.close)
        url = souk.publish_url(made, proxy.port)
        self.publisher(url)
        souk.wait_playable(made)
        proxy.cut()
        wait_for(lambda: souk.stream(made)["state"] == "interrupted", "it is interrupted")
        self.publisher(url)
        wait_for(lambda: souk.stream(made)["state"] == "publishing", "it goes on")
        playlist = f"/hls/{made['streamId']}/stream_0.m3u8"
        wait_for(lambda: "#EXT-X-DISCONTINUITY\n" in souk.get(playlist).text, "a discontinuity")
        self.assertEqual(souk.metric("souk_interruptions_total"), 1)
        souk.ctl("streams", "end", made["streamId"])
        self.assertEqual(decodes(souk.wait_mp4(made)), "")

    def test_half_open_connection_is_taken_over(self):
        """The network dies without a word; the encoder is back while the old connection looks
        open."""
        souk = self.soukd({"rtmp.silence_timeout": "10m"})
        made = souk.create_stream()
        proxy = CutProxy(souk.rtmp_port)
        self.addCleanup(proxy.close)
        self.publisher(souk.publish_url(made, proxy.port))
        souk.wait_playable(made)
        proxy.silent = True
        self.publisher(souk.publish_url(made))
        souk.wait_log("publisher taken over")
        wait_for(lambda: souk.stream(made)["state"] == "publishing", "the new one publishes")
        self.assertEqual(souk.metric("souk_publishers"), 1)

    def test_grace_ends_the_stream(self):
        souk = self.soukd({"stream.grace": "1s"})
        made = souk.create_stream()
        proxy = CutProxy(souk.rtmp_port)
        self.addCleanup(proxy.close)
        p = self.publisher(souk.publish_url(made, proxy.port))
        souk.wait_playable(made)
        p.kill()
        proxy.cut()
        wait_for(lambda: souk.stream(made)["status"] == "ended", "the grace ends it")
        souk.wait_vod(made)

    def test_without_a_publisher_it_ends_by_itself(self):
        souk = self.soukd({"stream.unpublished_timeout": "1s", "stream.grace": "1s"})
        made = souk.create_stream()
        wait_for(lambda: souk.stream(made)["status"] == "ended", "it ends by itself")


OBS_BASIC = """[General]
Name=Untitled
[Output]
Mode=Simple
Reconnect=true
RetryDelay=1
MaxRetries=20
[SimpleOutput]
VBitrate=400
ABitrate=96
StreamEncoder=x264
Preset=ultrafast
UseAdvanced=false
[Video]
BaseCX=320
BaseCY=180
OutputCX=320
OutputCY=180
FPSType=0
FPSCommon=30
[Audio]
SampleRate=44100
ChannelSetup=Stereo
"""
OBS_GLOBAL = """[General]
FirstRun=true
LastVersion=486539266
EnableAutoUpdates=false
InfoIncrement=99
[Basic]
Profile=Untitled
ProfileDir=Untitled
SceneCollection=Untitled
SceneCollectionFile=Untitled
[Locations]
[BasicWindow]
SysTrayEnabled=false
WarnBeforeStartingStream=false
"""


@unittest.skipUnless(shutil.which("obs") and shutil.which("Xvfb"), "obs-studio or Xvfb is missing")
class Obs(SoukTest):
    def start_obs(self, port, key):
        home = tempfile.mkdtemp(prefix="souk-obs-")
        self.addCleanup(shutil.rmtree, home, True)
        profile = os.path.join(home, ".config/obs-studio/basic/profiles/Untitled")
        os.makedirs(profile)
        os.makedirs(os.path.join(home, ".config/obs-studio/basic/scenes"))
        os.makedirs(os.path.join(home, "run"), mode=0o700)
        with open(os.path.join(home, ".config/obs-studio/global.ini"), "w") as f:
            f.write(OBS_GLOBAL)
        with open(os.path.join(profile, "basic.ini"), "w") as f:
            f.write(OBS_BASIC)
        with open(os.path.join(profile, "service.json"), "w") as f:
            json.dump({"type": "rtmp_custom", "settings": {
                "server": f"rtmp://127.0.0.1:{port}/live", "key": key, "use_auth": False}}, f)
        # Without a scene collection OBS makes one and forgets --startstreaming.
        scene = {"id": "scene", "name": "Scene", "settings": {}}
        with open(os.path.join(home, ".config/obs-studio/basic/scenes/Untitled.json"), "w") as f:
            json.dump({"name": "Untitled", "current_scene": "Scene", "sources": [scene],
                       "current_program_scene": "Scene", "scene_order": [{"name": "Scene"}]}, f)
        env = {"HOME": home, "PATH": os.environ["PATH"], "LIBGL_ALWAYS_SOFTWARE": "1",
               "XDG_RUNTIME_DIR": os.path.join(home, "run"), "QT_QPA_PLATFORM": "xcb",
               "LANG": "C.UTF-8", "DISPLAY": self.start_display()}
        log = open(os.path.join(home, "obs.log"), "w+")
        self.addCleanup(log.close)
        obs = subprocess.Popen(["obs", "--startstreaming", "--multi", "--disable-missing-files-check"],
                               env=env, stdout=log, stderr=log, cwd=home)
        self.addCleanup(obs.wait)
        self.addCleanup(obs.kill)
        return obs

    def start_display(self):
        read, write = os.pipe()
        server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "1024x768x24", "-nolisten", "tcp"],
            pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(write)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        with os.fdopen(read) as f:
            return ":" + f.readline().strip()

    def test_obs_publishes_and_comes_back(self):
        souk = self.soukd()
        made = souk.create_stream()
        proxy = CutProxy(souk.rtmp_port)
        self.addCleanup(proxy.close)
        self.start_obs(proxy.port, made["streamKey"])
        wait_for(lambda: souk.stream(made)["state"] == "publishing", "OBS publishes", 120)
        souk.wait_playable(made)
        encoder = souk.stream(made)["ingest"]["encoder"]
        self.assertIn("obs", encoder.lower())
        proxy.cut()
        wait_for(lambda: souk.metric("souk_interruptions_total") >= 1, "the cut is seen")
        wait_for(lambda: souk.stream(made)["state"] == "publishing", "OBS is back", 120)
        playlist = f"/hls/{made['streamId']}/stream_0.m3u8"
        wait_for(lambda: "#EXT-X-DISCONTINUITY\n" in souk.get(playlist).text, "it goes on")
        souk.ctl("streams", "end", made["streamId"])
        self.assertEqual(decodes(souk.wait_mp4(made)), "")


if __name__ == "__main__":
    unittest.main()
