"""Every metric that conf/grafana.json asks for is one that the sources register.

usage: check_dashboard.py SOURCE_ROOT
"""

import json
import pathlib
import re
import sys

SUFFIX = re.compile(r"_(bucket|sum|count)$")


def registered(root):
    names = set()
    for folder in ("src", "media"):
        for path in (root / folder).rglob("*.c"):
            names.update(re.findall(r'"(souk_[a-z_]+)"', path.read_text()))
    return names


def asked(root):
    text = (root / "conf/grafana.json").read_text()
    panels = json.loads(text)["panels"]
    for panel in panels:
        for target in panel.get("targets", []):
            for name in re.findall(r"souk_[a-z_]+", target["expr"]):
                yield panel["title"], name


def main():
    root = pathlib.Path(sys.argv[1])
    known = registered(root)
    wanted = list(asked(root))
    if not wanted:
        sys.exit("the dashboard asks for nothing")
    missing = [
        f"{title}: {name}"
        for title, name in wanted
        if name not in known and SUFFIX.sub("", name) not in known
    ]
    if missing:
        sys.exit("no such metric:\n" + "\n".join(missing))


main()
