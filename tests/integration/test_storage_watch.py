"""The watch page with a recording that lies in object storage only."""
import shutil
import unittest

from object_storage import StorageTest
from support import install_modules
from test_browser import CHROMIUM, Browser, playing


@unittest.skipUnless(CHROMIUM and shutil.which("node"), "chromium or node is missing")
class StorageWatch(StorageTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.modules = install_modules("browser")

    def test_the_page_plays_from_there(self):
        souk = self.soukd(self.settings())
        made = self.record(souk, frames=600)
        self.wait_state(souk, made, "stored")
        self.wait_gone(souk, made)
        b = Browser(self.modules)
        self.addCleanup(b.close)
        b.do("open", url=f"http://127.0.0.1:{souk.http_port}/watch/{made['streamId']}")
        first = b.wait(lambda s: playing(s) and s["time"] > 1, "it plays")
        self.assertEqual(first["source"], "vod")
        self.assertAlmostEqual(first["duration"], 20, delta=0.5)
        b.shot("storage-vod")
        came = b.do("eval", js="performance.getEntriesByType('resource').map((e) => e.name)")
        there = f"{self.storage.public_url()}/{self.prefix}/{made['streamId']}/"
        names = [url[len(there):] for url in came if url.startswith(there)]
        self.assertIn("index.m3u8", names)
        self.assertIn("seg_0_0.m4s", names)
        self.assertEqual(b.state()["problems"], [])


if __name__ == "__main__":
    unittest.main()
