"""The servers under measure: each in a folder of its own, on loopback ports of its own."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time

HOST = "127.0.0.1"


def free_port():
    with socket.socket() as s:
        s.bind((HOST, 0))
        return s.getsockname()[1]


def wait_for(condition, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited in vain: {what}")
        time.sleep(0.05)


def accepts(port):
    try:
        socket.create_connection((HOST, port), 1).close()
        return True
    except OSError:
        return False


class Server:
    """start, stop, publish_url, keys(n), playlist(i); CPU and memory of all its processes."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder)
        self.rtmp_port, self.http_port = free_port(), free_port()
        self.process = None

    def pids(self):
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            with open(f"/proc/{pid}/task/{pid}/children") as f:
                todo += [int(child) for child in f.read().split()]
        return found

    def cpu_seconds(self):
        """User and system time of all threads, the ended ones too (clock_getcpuclockid(3)):
        to the nanosecond, where /proc counts in ticks of 10 ms."""
        return sum(time.clock_gettime(~pid << 3 | 2) for pid in self.pids())

    def thread_cpu_seconds(self):
        """Of the first process, since it began: its main thread ("loop") and the others by name."""
        out = {}
        pid = self.process.pid
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/stat") as f:
                name, rest = f.read().split("(", 1)[1].rsplit(")", 1)
            fields = rest.split()
            name = "loop" if int(tid) == pid else name
            ticks = int(fields[11]) + int(fields[12])
            out[name] = out.get(name, 0) + ticks / os.sysconf("SC_CLK_TCK")
        return out

    def pss_bytes(self):
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/smaps_rollup") as f:
                total += int(re.search(r"^Pss:\s+(\d+) kB", f.read(), re.M)[1]) * 1024
        return total

    def waited_seconds(self):
        """How long the main threads could have run and did not: others had the cores."""
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/schedstat") as f:
                total += int(f.read().split()[1])
        return total / 1e9

    def written_bytes(self):
        """Given to the page cache for disks, not to sockets (proc(5), write_bytes)."""
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/io") as f:
                total += int(re.search(r"^write_bytes: (\d+)", f.read(), re.M)[1])
        return total

    def spawn(self, args, **kwargs):
        self.log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen(args, stdout=self.log, stderr=self.log, cwd=self.folder,
                                        **kwargs)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def url(self, path):
        return f"http://{HOST}:{self.http_port}{path}"

    def get(self, path):
        connection = http.client.HTTPConnection(HOST, self.http_port, timeout=20)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    @property
    def publish_url(self):
        return f"rtmp://{HOST}:{self.rtmp_port}/live"


NGINX_CONF = """
load_module {module};
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log warn;
events {{ worker_connections 8192; }}
rtmp {{
  access_log off;
  server {{
    listen {host}:{rtmp};
    chunk_size 4096;
    {applications}
  }}
}}
http {{
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 1000000000;
  types {{ application/vnd.apple.mpegurl m3u8; video/mp2t ts; video/mp4 mp4 m4s; }}
  {temp}
  server {{
    listen {host}:{http} backlog=4096; root {folder}/www;
    location /stat {{ rtmp_stat all; }}
  }}
}}
"""


class Nginx(Server):
    name = "nginx-rtmp"
    module = "/usr/lib/nginx/modules/ngx_rtmp_module.so"

    def __init__(self, folder, fragment=2, hls=True, record=False, push=None, pushed=0, **_):
        """record: FLV files in rec; push: the first so many streams go to /pushed, not to /live,
        and on to that URL."""
        super().__init__(folder)
        self.record, self.pushed = os.path.join(folder, "rec"), pushed
        common = "live on;"
        if hls:
            common += f" hls on; hls_fragment {fragment}s; hls_playlist_length {12 * fragment}s;"
        if record:
            common += f" record all; record_path {self.record};"
        self.applications = f"application live {{ {common} hls_path {folder}/www/hls; }}"
        if push:
            self.applications += (f" application pushed {{ {common} hls_path {folder}/www/pushed; "
                                  f"push {push}; }}")

    def start(self):
        # Workers run as nobody when the bench runs as root.
        for name in ("", "rec", "www", "www/hls", "www/pushed"):
            folder = os.path.join(self.folder, name)
            os.makedirs(folder, exist_ok=True)
            os.chmod(folder, 0o777)
        temp = "".join(f"{n}_temp_path {self.folder}/{n}; " for n in
                       ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        conf = os.path.join(self.folder, "nginx.conf")
        with open(conf, "w") as f:
            f.write(NGINX_CONF.format(module=self.module, folder=self.folder, host=HOST,
                                      rtmp=self.rtmp_port, http=self.http_port, temp=temp,
                                      applications=self.applications))
        self.spawn(["nginx", "-p", self.folder, "-c", conf, "-e",
                    os.path.join(self.folder, "error.log")])
        wait_for(lambda: accepts(self.http_port) and accepts(self.rtmp_port), "nginx listens")
        return self

    def keys(self, n):
        return [f"bench{i}" for i in range(n)]

    def playlist(self, i):
        return f"/{'pushed' if i < self.pushed else 'hls'}/bench{i}.m3u8"

    def put(self, name, data):
        """A file to be served from disk, its name the path."""
        path = os.path.join(self.folder, "www", name)
        with open(path, "wb") as f:
            f.write(data)
        return "/" + name


class Soukd(Server):
    name = "soukd"

    def __init__(self, folder, build, settings=(), **_):
        super().__init__(folder)
        self.build = build
        self.made = []
        self.settings = {
            "server.run_dir": os.path.join(folder, "run"),
            "server.drain": "5s",
            "rtmp.listen": f"{HOST}:{self.rtmp_port}",
            "rtmp.max_per_address": "0",
            "http.listen": f"{HOST}:{self.http_port}",
            "http.max_per_address": "0",
            "media.root": os.path.join(folder, "media"),
            "media.min_free": "100M",
            "media.mp4": "demand",
            "store.url": "sqlite:" + os.path.join(folder, "souk.db"),
            "auth.secret_file": os.path.join(folder, "secret"),
            "relay.allow": "127.0.0.0/8",
            "limits.address_requests": "0",
            "limits.user_requests": "0",
            "relay.allow": f"{HOST}/8",
            "log.level": "warn",
        }
        self.settings.update(dict(s.split("=", 1) for s in settings))
        self.config = os.path.join(folder, "soukd.ini")

    def start(self):
        with open(self.config, "w") as f:
            for key, value in self.settings.items():
                section, name = key.split(".", 1)
                f.write(f"[{section}]\n{name} = {value}\n")
        self.spawn([os.path.join(self.build, "soukd"), "--config", self.config])
        wait_for(self.is_ready, "soukd is ready")
        return self

    def is_ready(self):
        if self.process.poll() is not None:
            with open(os.path.join(self.folder, "log")) as f:
                raise RuntimeError("soukd ended at once:\n" + f.read()[-2000:])
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def ctl(self, *args):
        out = subprocess.run([os.path.join(self.build, "soukctl"), "--config", self.config, *args,
                              "--json"], capture_output=True, text=True, cwd=self.folder)
        if out.returncode:
            raise RuntimeError(f"soukctl {args}: {out.stdout}{out.stderr}")
        made = json.loads(out.stdout)
        return made.get("data", made)

    def token(self, user, role):
        out = subprocess.run([os.path.join(self.build, "soukctl"), "--config", self.config, "token",
                              "--sub", user, "--role", role], capture_output=True, text=True,
                             cwd=self.folder, check=True)
        return out.stdout.strip()

    def metric(self, name):
        for line in self.get("/metrics")[1].decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        return 0.0

    def histogram(self, name):
        """[(bound, observations up to it)] over all label sets, the last bound infinity."""
        text = self.get("/metrics")[1].decode()
        found = {}
        for bound, n in re.findall(rf'^{name}_bucket{{.*?le="([^"]+)"}} (\d+)', text, re.M):
            found[float(bound)] = found.get(float(bound), 0) + int(n)
        return sorted(found.items())

    def keys(self, n):
        self.made = [self.ctl("streams", "create", "--seller", f"bench-{i}", "--title",
                              f"Bench {i}", "--live") for i in range(n)]
        return [made["streamKey"] for made in self.made]

    def playlist(self, i):
        return f"/hls/{self.made[i]['streamId']}/index.m3u8"
