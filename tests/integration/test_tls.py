"""RTMPS, HTTPS and HTTP/2 with a certificate of our own, exchanged while streams run."""
import os
import re
import signal
import ssl
import subprocess
import unittest

from support import SoukTest, free_ports, wait_for


def certificate(folder, name):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
         os.path.join(folder, "key.pem"), "-out", os.path.join(folder, "cert.pem")],
        check=True, capture_output=True)


class Tls(SoukTest):
    def start(self):
        from support import Soukd
        self.rtmps, self.https = free_ports(2)
        souk = Soukd()
        certificate(souk.folder, "first")
        souk.settings.update({
            "rtmp.tls_listen": f"127.0.0.1:{self.rtmps}",
            "http.tls_listen": f"127.0.0.1:{self.https}",
            "http.cert": os.path.join(souk.folder, "cert.pem"),
            "http.key": os.path.join(souk.folder, "key.pem")})
        self.addCleanup(self._remove, souk)
        self.addCleanup(souk.close)
        return souk.start()

    def subject(self, port):
        pem = ssl.get_server_certificate(("127.0.0.1", port))
        out = subprocess.run(["openssl", "x509", "-noout", "-subject"], input=pem, text=True,
                             capture_output=True, check=True).stdout
        return re.search(r"CN ?= ?(\w+)", out)[1]

    def curl(self, *args):
        return subprocess.run(["curl", "-sk", "--max-time", "60", *args], capture_output=True,
                              text=True, check=True).stdout

    def test_everything_over_tls(self):
        souk = self.start()
        made = souk.create_stream()
        self.publisher(f"rtmps://127.0.0.1:{self.rtmps}/live/{made['streamKey']}",
                       extra=("-tls_verify", "0"))
        souk.wait_playable(made)
        base = f"https://127.0.0.1:{self.https}/hls/{made['streamId']}/"
        for version in ("--http1.1", "--http2"):
            text = self.curl(version, base + "stream_0.m3u8")
            self.assertIn("#EXTM3U", text)
            msn = max(int(n) for n in re.findall(r"seg_0_(\d+)", text)) + 1
            blocked = self.curl(version, f"{base}stream_0.m3u8?_HLS_msn={msn}&_HLS_part=1")
            self.assertRegex(blocked, rf"part_0_{msn}_\d+|seg_0_{msn}\.m4s")
            name = re.findall(r"^seg_\S+", blocked, re.M)[-1]
            size = self.curl(version, "-o", "/dev/null", "-w", "%{http_version} %{size_download}",
                             base + name).split()
            self.assertEqual(size[0], "2" if version == "--http2" else "1.1")
            clear = souk.get(f"/hls/{made['streamId']}/{name}").body
            self.assertEqual(int(size[1]), len(clear))

    def test_certificate_is_exchanged_without_a_drop(self):
        souk = self.start()
        made = souk.create_stream()
        p = self.publisher(f"rtmps://127.0.0.1:{self.rtmps}/live/{made['streamKey']}")
        souk.wait_playable(made)
        self.assertEqual(self.subject(self.https), "first")
        certificate(souk.folder, "second")
        souk.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.subject(self.https) == "second", "HTTPS shows the new one")
        wait_for(lambda: self.subject(self.rtmps) == "second", "RTMPS shows the new one")
        self.assertIsNone(p.process.poll())
        self.assertEqual(souk.metric("souk_interruptions_total"), 0)


if __name__ == "__main__":
    unittest.main()
