#!/usr/bin/python3
"""An S3 server for tests: OpenStack Swift with its S3 interface, all in one process on loopback.

  server.py FOLDER

Access key "test:tester", secret "testing". Prints "port N" once it serves; ends with its input. What
the owner lets all read is under /v1/AUTH_test/BUCKET/. Needs Debian's python3-swift, and so Debian's
Python.
"""
import os
import sys

import eventlet

eventlet.patcher.monkey_patch(all=False, socket=True, select=True, thread=True, time=True)

from swift.common import utils  # noqa: E402

FOLDER = os.path.realpath(sys.argv[1])
KEY, SECRET = "test:tester", "testing"
DISKS = ("account", "container", "object")

PROXY = """
[DEFAULT]
swift_dir = {folder}
cors_allow_origin = *
log_name = proxy

[pipeline:main]
pipeline = catch_errors gatekeeper cache listing_formats s3api tempauth slo proxy-logging proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
node_timeout = 60
conn_timeout = 20
recheck_account_existence = 0
recheck_container_existence = 0

[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:slo]
use = egg:swift#slo
[filter:proxy-logging]
use = egg:swift#proxy_logging
"""

STORAGE = """
[DEFAULT]
devices = {folder}/{kind}
swift_dir = {folder}
mount_check = false
fallocate_reserve = 0
log_name = {kind}

[pipeline:main]
pipeline = {kind}-server

[app:{kind}-server]
use = egg:swift#{kind}
"""


def write(name, text):
    path = os.path.join(FOLDER, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def listen():
    return eventlet.listen(("127.0.0.1", 0))


def make_ring(kind, port):
    from swift.common.ring import RingBuilder
    builder = RingBuilder(2, 1, 0)
    builder.add_dev({"id": 0, "region": 1, "zone": 1, "weight": 1, "ip": "127.0.0.1",
                     "port": port, "device": "disk"})
    builder.rebalance()
    builder.get_ring().save(os.path.join(FOLDER, kind + ".ring.gz"))


def main():
    utils.SWIFT_CONF_FILE = write(
        "swift.conf", "[swift-hash]\nswift_hash_path_suffix = souk\nswift_hash_path_prefix = souk\n"
        "[storage-policy:0]\nname = one\ndefault = yes\n")
    utils.validate_configuration()
    from swift.common import storage_policy
    from swift.common.wsgi import loadapp
    storage_policy.reload_storage_policies()

    sockets = {kind: listen() for kind in DISKS}
    for kind, sock in sockets.items():
        os.makedirs(os.path.join(FOLDER, kind, "disk"), exist_ok=True)
        make_ring(kind, sock.getsockname()[1])
    pool = eventlet.GreenPool(1000)
    quiet = open(os.devnull, "w")
    for kind, sock in sockets.items():
        app = loadapp(write(kind + ".conf", STORAGE.format(folder=FOLDER, kind=kind)))
        pool.spawn_n(eventlet.wsgi.server, sock, app, quiet)
    proxy = listen()
    app = loadapp(write("proxy.conf", PROXY.format(folder=FOLDER)))
    pool.spawn_n(eventlet.wsgi.server, proxy, app, quiet, minimum_chunk_size=65536)
    print(f"port {proxy.getsockname()[1]}", flush=True)
    eventlet.hubs.trampoline(sys.stdin.fileno(), read=True)


main()
