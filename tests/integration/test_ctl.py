"""soukctl against a real daemon: every command, with and without it, and the exit status."""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from support import BUILD, HERE, SoukTest, ffprobe_packets, free_port, wait_for
from terminal import Terminal


class Ctl(SoukTest):
    def run_ctl(self, souk, *args, status=0, env=None):
        """(stdout, stderr) of a command that must end with this status."""
        result = subprocess.run(
            [os.path.join(BUILD, "soukctl"), "--config", souk.config_path, *args],
            capture_output=True, text=True, cwd=souk.folder, timeout=90,
            env={**os.environ, **(env or {})})
        self.assertEqual(result.returncode, status, f"{args}: {result.stdout}{result.stderr}")
        return result.stdout, result.stderr

    def test_life_of_a_stream(self):
        souk = self.soukd({"hls.segment_target": "1s"})
        made = souk.ctl("streams", "create", "--seller", "seller-1", "--title", "Früh 日本", "--live")
        for field in ("streamId", "rtmpUrl", "streamKey", "hlsUrl"):
            self.assertTrue(made[field], field)
        stream = made["streamId"]
        self.assertTrue(made["rtmpUrl"].endswith(f":{souk.rtmp_port}/live"), made["rtmpUrl"])

        self.assertEqual([s["streamId"] for s in souk.ctl("streams", "list")], [stream])
        self.assertEqual(souk.ctl("streams", "list", "--status", "ended"), [])
        out, _ = self.run_ctl(souk, "streams", "list")
        self.assertIn(stream, out)
        self.assertIn("Früh 日本", out)

        self.publisher(souk.publish_url(made))
        souk.wait_playable(made)
        shown = wait_for(lambda: (s := souk.ctl("streams", "show", stream))["publisher"] and s,
                         "the publisher is shown")
        self.assertEqual(shown["state"], "publishing")
        self.assertEqual((shown["ingest"]["width"], shown["ingest"]["height"]), (320, 180))
        out, _ = self.run_ctl(souk, "streams", "show", stream)
        self.assertIn("320x180", out)
        out, _ = self.run_ctl(souk, "streams", "top")
        self.assertIn("publishing", out)
        self.assertNotIn("\x1b", out)
        self.assertEqual(souk.ctl("streams", "top")[0]["streamId"], stream)
        status = souk.ctl("status")
        self.assertEqual(status["publishers"], 1)
        self.assertEqual(status["pid"], souk.process.pid)
        self.assertIn("name", souk.ctl("limits")[0])

        self.assertTrue(souk.ctl("streams", "kick", stream)["kicked"])
        _, err = self.run_ctl(souk, "streams", "show", "0190a5a0-0000-7000-8000-000000000000",
                              status=1)
        self.assertIn("stream_not_found", err)
        rotated = souk.ctl("streams", "rotate-key", stream)
        self.assertNotEqual(rotated["streamKey"], made["streamKey"])
        ended = souk.ctl("streams", "end", stream)
        self.assertEqual(ended["status"], "ended")
        self.run_ctl(souk, "streams", "end", stream, status=1)
        self.run_ctl(souk, "streams", "go-live", stream, status=1)

    def test_recordings(self):
        souk = self.soukd({"hls.segment_target": "1s"})
        made = souk.create_stream()
        self.publisher(souk.publish_url(made), frames=90).wait()
        mp4 = souk.wait_mp4(made)
        stream = made["streamId"]
        listed = wait_for(
            lambda: [r for r in souk.ctl("vod", "list") if r["state"] == "ready"], "it is ready")
        self.assertEqual([r["streamId"] for r in listed], [stream])
        self.assertEqual(souk.ctl("vod", "show", stream)["streamId"], stream)

        out = os.path.join(souk.folder, "online.mp4")
        souk.ctl("vod", "export", stream, out)
        with open(out, "rb") as a, open(mp4, "rb") as b:
            self.assertEqual(a.read(), b.read())
        self.assertEqual(souk.terminate(), 0)
        # Without the daemon, and made from the segments.
        folder = os.path.join(souk.folder, "exports")
        os.mkdir(folder)
        before = sorted(os.listdir(souk.media_dir(made)))
        os.rename(mp4, os.path.join(souk.folder, "aside.mp4"))
        souk.ctl("vod", "export", stream, folder)
        exported = os.path.join(folder, stream + ".mp4")
        self.assertEqual(len(ffprobe_packets(exported, "v")), 90)
        self.assertEqual(os.listdir(folder), [stream + ".mp4"])
        os.rename(os.path.join(souk.folder, "aside.mp4"), mp4)
        self.assertEqual(sorted(os.listdir(souk.media_dir(made))), before)

        souk.start()
        self.assertEqual(souk.ctl("vod", "delete", stream)["state"], "deleted")
        wait_for(lambda: not os.path.exists(souk.media_dir(made)), "the folder is gone")

    def test_database(self):
        souk = self.soukd()
        souk.create_stream()
        self.assertEqual(souk.ctl("db", "check"), {"ok": True, "problems": []})
        online = os.path.join(souk.folder, "online.db")
        self.assertEqual(souk.ctl("db", "backup", "online.db")["path"], online)
        self.run_ctl(souk, "db", "backup", "online.db", status=1)
        self.assertEqual(souk.terminate(), 0)
        self.assertEqual(souk.ctl("db", "check"), {"ok": True, "problems": []})
        souk.ctl("db", "backup", "offline.db")
        self.run_ctl(souk, "db", "backup", "offline.db", status=1)
        for copy in ("online.db", "offline.db"):
            self.assertTrue(souk.ctl("db", "check", "--set", f"store.url=sqlite:{copy}")["ok"])
        moved = souk.ctl("db", "migrate", "--set", "store.url=sqlite:new.db")
        self.assertEqual(moved["from"], 0)
        self.assertGreater(moved["to"], 0)
        with open(os.path.join(souk.folder, "bad.db"), "wb") as f:
            f.write(b"no database at all" * 1000)
        self.run_ctl(souk, "db", "check", "--set", "store.url=sqlite:bad.db", status=1)

    def test_doctor_and_config(self):
        souk = self.soukd()
        found = {f["check"]: f["state"] for f in souk.ctl("doctor")}
        for check in ("config", "daemon", "ports", "media", "secret", "store", "lws plugin"):
            self.assertEqual(found[check], "ok", check)
        os.chmod(souk.settings["auth.secret_file"], 0o644)
        out, _ = self.run_ctl(souk, "doctor", status=1)
        self.assertIn("chmod 600", out)
        values = {f"{v['section']}.{v['key']}": v for v in souk.ctl("config", "show")}
        self.assertEqual(values["rtmp.listen"]["value"], souk.settings["rtmp.listen"])
        self.assertIn(souk.config_path + ":", values["rtmp.listen"]["origin"])
        self.assertEqual(values["hls.window"]["origin"], "default")
        self.run_ctl(souk, "config", "check")
        _, err = self.run_ctl(souk, "config", "check", "--set", "hls.window=1", status=1)
        self.assertIn("3 to 1000", err)
        _, err = self.run_ctl(souk, "config", "check", env={"SOUKD_HLS_WINDOW": "x"}, status=1)
        self.assertIn("SOUKD_HLS_WINDOW", err)

    def test_doctor_and_the_world_outside(self):
        account = os.path.join(tempfile.mkdtemp(prefix="souk-"), "account.json")
        self.addCleanup(shutil.rmtree, os.path.dirname(account))
        souk = self.soukd()
        receiver = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(receiver.close)
        port = receiver.getsockname()[1]

        def found(check, *args, status):
            out, _ = self.run_ctl(souk, "doctor", "--json", *args, status=status)
            return [f for f in json.loads(out) if f["check"] == check][0]

        here = f"--set=webhooks.url=http://127.0.0.1:{port}/hook"
        self.assertEqual(found("webhooks", here, status=0)["state"], "ok")
        nowhere = f"--set=webhooks.url=http://127.0.0.1:{free_port()}/hook"
        self.assertIn("receiver", found("webhooks", nowhere, status=1)["mend"])
        push = (f"--set=push.fcm_service_account={account}",
                f"--set=push.fcm_url=http://127.0.0.1:{port}")
        self.assertIn("No such file", found("push", *push, status=1)["found"])
        with open(account, "w") as f:
            f.write("{}")
        self.assertIn("service account", found("push", *push, status=1)["found"])
        key = subprocess.run(["openssl", "genpkey", "-algorithm", "RSA"], capture_output=True,
                             text=True, check=True).stdout
        with open(account, "w") as f:
            json.dump({"client_email": "a@b.example", "private_key": key, "project_id": "p"}, f)
        self.assertEqual(found("push", *push, status=0)["state"], "ok")
        self.assertEqual(found("outbox", status=0)["state"], "ok")

    @unittest.skipUnless(os.geteuid() == 0, "only root can be others")
    def test_whom_the_socket_serves(self):
        """The daemon's user and root; nobody else, whatever the file's mode says."""
        folder = tempfile.mkdtemp(prefix="souk-")
        os.chmod(folder, 0o755)
        shutil.chown(folder, "nobody")
        souk = self.soukd({"log.level": "info"}, folder=folder,
                          wrapper=["setpriv", "--reuid=nobody", "--clear-groups"])
        path = os.path.join(souk.settings["server.run_dir"], "soukd.sock")

        def status(user, code):
            result = subprocess.run(
                [os.path.join(BUILD, "soukctl"), "--socket", path, "status"], user=user,
                capture_output=True, text=True, cwd="/", timeout=90)
            self.assertEqual(result.returncode, code, result.stderr)
            return result.stderr

        status("root", 0)
        status("nobody", 0)
        self.assertIn("Permission denied", status("daemon", 3))
        os.chmod(path, 0o777)
        self.assertIn("unauthorized", status("daemon", 1))

    def test_completion_in_shells(self):
        folder = tempfile.mkdtemp(prefix="souk-")
        self.addCleanup(shutil.rmtree, folder)
        with open(os.path.join(folder, "_soukctl"), "wb") as f:
            f.write(subprocess.run([os.path.join(BUILD, "soukctl"), "completion", "zsh"],
                                   capture_output=True, check=True).stdout)
        env = {**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}", "TERM": "dumb", "PS1": "> "}
        init = "autoload -Uz compinit; compinit -u -D"
        shells = {
            "bash": (["bash", "--norc", "--noprofile", "-i"],
                     "source <(soukctl completion bash)"),
            "zsh": (["zsh", "-f", "-i"], f"{init}; source <(soukctl completion zsh)"),
            "zsh of $fpath": (["zsh", "-f", "-i"], f"fpath=({folder} $fpath); {init}"),
        }
        for name, (argv, setup) in shells.items():
            with self.subTest(name):
                if not shutil.which(argv[0]):
                    self.skipTest(f"no {argv[0]}")
                shell = Terminal(argv, env=env, cwd=folder)
                self.addCleanup(shell.close)
                shell.type(f"{setup}; echo re''ady\n")
                at = shell.expect("ready\r\n")
                for typed, completed in (("soukctl streams rot", "rotate-key "),
                                         ("soukctl streams create --aud", "--audience "),
                                         ("soukctl streams create --audience fol", "followers "),
                                         ("soukctl --config streams do", "doctor "),
                                         ("soukctl db backup _sou", "_soukctl")):
                    shell.type(f"\x15{typed}\t")
                    at = shell.expect(completed, at)

    @unittest.skipUnless(shutil.which("fish"), "no fish")
    def test_completion_in_fish(self):
        def offers(line):
            told = subprocess.run(
                ["fish", "-c", f"soukctl completion fish | source; complete -C '{line}'"],
                env={**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}"}, cwd=BUILD,
                capture_output=True, text=True, timeout=90, check=True)
            self.assertEqual(told.stderr, "")
            return [offer.split("\t")[0] for offer in told.stdout.splitlines()]

        self.assertEqual(offers("soukctl streams rot"), ["rotate-key"])
        self.assertEqual(offers("soukctl streams create --audience f"), ["followers"])
        self.assertEqual(offers("soukctl --config streams k"), ["keys"])
        self.assertIn("--seller", offers("soukctl streams create --"))
        self.assertNotIn("--seller", offers("soukctl streams show --"))
        self.assertIn("build.ninja", offers("soukctl db backup build.n"))

    @unittest.skipUnless(shutil.which("man"), "no man")
    def test_manual_can_be_read(self):
        page = os.path.join(HERE, "..", "..", "tools", "ctl", "soukctl.1")
        told = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", page], capture_output=True,
                              text=True, env={**os.environ, "MANPAGER": "cat", "LANG": "C.UTF-8"})
        self.assertEqual((told.returncode, told.stderr), (0, ""))
        self.assertIn("streams go-live", told.stdout)

    def test_token_and_url(self):
        souk = self.soukd()
        url = f"http://127.0.0.1:{souk.http_port}"
        admin, buyer = souk.token("root", "admin"), souk.token("someone", "buyer")
        self.run_ctl(souk, "status", "--url", url, "--token", admin)
        self.run_ctl(souk, "status", "--url", url, env={"SOUKCTL_TOKEN": admin})
        _, err = self.run_ctl(souk, "status", "--url", url, "--token", buyer, status=1)
        self.assertIn("forbidden", err)
        _, err = self.run_ctl(souk, "status", "--url", url, status=1)
        self.assertIn("unauthorized", err)

    def test_exit_status(self):
        souk = self.soukd()
        self.run_ctl(souk, "streams", status=2)
        self.run_ctl(souk, "streams", "list", "--no-such", status=2)
        _, err = self.run_ctl(souk, "steams", "list", status=2)
        self.assertIn("did you mean streams?", err)
        _, err = self.run_ctl(souk, "chat", "mute", "x", "y", status=2)
        self.assertIn("soukctl chat mute --help", err)
        self.run_ctl(souk, "chat", "mute", "x", "y", "--for", "nonsense", status=2)
        self.run_ctl(souk, "streams", "settings", "x", status=2)
        self.run_ctl(souk, "streams", "settings", "x", "--chat", "maybe", status=2)
        self.run_ctl(souk, "products", "list", status=2)
        self.run_ctl(souk, "completion", "csh", status=2)
        _, err = self.run_ctl(souk, "users", "show", "no-such", status=1)
        self.assertIn("user_not_found", err)
        self.run_ctl(souk, "status", "--as", "no-such", status=1)
        souk.ctl("users", "set", "anna", "--role", "seller")
        souk.ctl("users", "set", "bob", "--role", "buyer")
        _, err = self.run_ctl(souk, "notifications", "list", "bob", "--as", "anna", status=1)
        self.assertIn("bob's own business", err)
        _, err = self.run_ctl(souk, "keys", "set", "bob", "--token", souk.token("anna", "seller"),
                              status=1)
        self.assertIn("bob's own business", err)
        self.run_ctl(souk, "keys", "set", "anna", "--token", souk.token("anna", "seller"))
        self.run_ctl(souk, "notifications", "list", "bob", "--as", "bob")
        self.run_ctl(souk, "streams", "show", "../../admin/status", status=1)
        self.assertEqual(souk.terminate(), 0)
        _, err = self.run_ctl(souk, "status", status=3)
        self.assertIn("soukd.sock", err)
        self.run_ctl(souk, "streams", "list", status=3)
        self.run_ctl(souk, "status", "--url", f"http://127.0.0.1:{souk.http_port}", status=3)

    def test_drain_and_reload(self):
        souk = self.soukd({"log.level": "info"})
        souk.settings["stream.grace"] = "7s"
        souk.settings["hls.window"] = "20"
        souk.write_config()
        souk.process.send_signal(signal.SIGHUP)
        souk.wait_log("setting changed", "stream.grace")
        souk.wait_log("setting needs a restart", "hls.window")
        souk.settings["stream.grace"] = "nonsense"
        souk.write_config()
        souk.process.send_signal(signal.SIGHUP)
        souk.wait_log("[stream] grace")
        self.assertEqual(souk.get("/healthz").status, 200)
        souk.settings["stream.grace"] = "7s"
        souk.write_config()
        self.assertTrue(souk.ctl("drain")["draining"])
        self.assertEqual(souk.process.wait(60), 0)

    def test_top_on_a_terminal(self):
        souk = self.soukd()
        made = souk.create_stream()
        master, slave = os.openpty()
        top = subprocess.Popen(
            [os.path.join(BUILD, "soukctl"), "--config", souk.config_path, "streams", "top"],
            stdin=slave, stdout=slave, stderr=slave, cwd=souk.folder)
        os.close(slave)
        self.addCleanup(top.kill)
        seen = b""
        deadline = time.monotonic() + 60
        while seen.count(made["streamId"].encode()) < 2 and time.monotonic() < deadline:
            seen += os.read(master, 4096)
        top.send_signal(signal.SIGINT)
        self.assertEqual(top.wait(30), 0)
        while True:
            try:
                piece = os.read(master, 4096)
            except OSError:
                break
            if not piece:
                break
            seen += piece
        os.close(master)
        self.assertEqual(seen.count(made["streamId"].encode()) >= 2, True)
        self.assertTrue(seen.startswith(b"\x1b[?1049h\x1b[?25l"))
        self.assertTrue(seen.endswith(b"\x1b[?25h\x1b[?1049l"))


if __name__ == "__main__":
    unittest.main()
