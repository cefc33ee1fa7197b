"""A strict reader of playlists: RFC 8216 and its second edition (draft-pantos-hls-rfc8216bis).

check_media and check_multivariant judge one text, Follower judges how one playlist may change from
load to load. Each fault is a line of text that names its rule; an empty list is a clean bill.
"""
import datetime
import re

ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s][^,]*)(?:,|$)')
KNOWN = {
    "EXTM3U", "EXT-X-VERSION", "EXT-X-INDEPENDENT-SEGMENTS", "EXT-X-TARGETDURATION",
    "EXT-X-SERVER-CONTROL", "EXT-X-PART-INF", "EXT-X-MEDIA-SEQUENCE",
    "EXT-X-DISCONTINUITY-SEQUENCE", "EXT-X-MAP", "EXT-X-PROGRAM-DATE-TIME", "EXTINF", "EXT-X-PART",
    "EXT-X-PRELOAD-HINT", "EXT-X-DISCONTINUITY", "EXT-X-SKIP", "EXT-X-ENDLIST", "EXT-X-DATERANGE",
    "EXT-X-GAP", "EXT-X-RENDITION-REPORT", "EXT-X-STREAM-INF", "EXT-X-PLAYLIST-TYPE", "EXT-X-MEDIA",
}
ONCE = {
    "EXT-X-VERSION", "EXT-X-INDEPENDENT-SEGMENTS", "EXT-X-TARGETDURATION", "EXT-X-SERVER-CONTROL",
    "EXT-X-PART-INF", "EXT-X-MEDIA-SEQUENCE", "EXT-X-DISCONTINUITY-SEQUENCE", "EXT-X-SKIP",
    "EXT-X-ENDLIST", "EXT-X-PLAYLIST-TYPE",
}
# Float texts are cut to a few digits.
EPSILON = 0.0015


def attributes(text):
    out, at = {}, 0
    while at < len(text):
        m = ATTRIBUTE.match(text, at)
        if not m:
            raise ValueError(f"attribute list: {text[at:]}")
        if m[1] in out:
            raise ValueError(f"attribute twice: {m[1]}")
        out[m[1]] = m[2].strip('"')
        at = m.end()
    return out


def date(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Segment:
    def __init__(self):
        self.uri = self.duration = self.date = self.map = None
        self.parts, self.discontinuity, self.gap = [], False, False


class Playlist:
    """A media playlist, parsed. The last of segments may be open (uri None): parts only."""

    def __init__(self, text):
        self.text, self.faults = text, []
        self.segments, self.ranges = [], []
        self.version = self.target = self.part_target = self.skip = self.hint = None
        self.control, self.reports = {}, []
        self.sequence = self.discontinuity_sequence = 0
        self.independent = self.ended = False
        self.type = None
        self._parse(text)

    def fault(self, rule, detail=""):
        self.faults.append(f"{rule}: {detail}")

    def _parse(self, text):
        lines = text.split("\n")
        if lines[0] != "#EXTM3U":
            self.fault("4.4.1.1 first line is EXTM3U", lines[0])
        if "\r" in text:
            self.fault("lines end alike", "CR found")
        if not text.endswith("\n"):
            self.fault("the last line is whole")
        seen, segment, init = set(), Segment(), None
        for line in lines[1:]:
            if not line:
                continue
            if not line.startswith("#"):
                if segment.duration is None:
                    self.fault("4.4.4.1 EXTINF before each URI", line)
                segment.uri, segment.map = line, init
                self.segments.append(segment)
                segment = Segment()
                continue
            name, _, value = line[1:].partition(":")
            if name not in KNOWN:
                self.fault("unknown tag", line)
            if name in ONCE and name in seen:
                self.fault("tag only once", name)
            seen.add(name)
            try:
                init = self._tag(name, value, segment, init)
            except (ValueError, KeyError) as e:
                self.fault("malformed", f"{line} ({e!r})")
        if segment.parts or segment.date is not None:
            segment.map = init
            self.segments.append(segment)

    def _tag(self, name, value, segment, init):
        if name == "EXT-X-VERSION":
            self.version = int(value)
        elif name == "EXT-X-INDEPENDENT-SEGMENTS":
            self.independent = True
        elif name == "EXT-X-TARGETDURATION":
            self.target = int(value)
        elif name == "EXT-X-SERVER-CONTROL":
            self.control = attributes(value)
        elif name == "EXT-X-PART-INF":
            self.part_target = float(attributes(value)["PART-TARGET"])
        elif name == "EXT-X-MEDIA-SEQUENCE":
            if self.segments:
                self.fault("4.4.3.2 MEDIA-SEQUENCE before the first segment")
            self.sequence = int(value)
        elif name == "EXT-X-DISCONTINUITY-SEQUENCE":
            if self.segments:
                self.fault("4.4.3.3 DISCONTINUITY-SEQUENCE before the first segment")
            self.discontinuity_sequence = int(value)
        elif name == "EXT-X-MAP":
            return attributes(value)["URI"]
        elif name == "EXT-X-PROGRAM-DATE-TIME":
            segment.date = date(value)
        elif name == "EXTINF":
            segment.duration = float(value.split(",")[0])
        elif name == "EXT-X-PART":
            a = attributes(value)
            segment.parts.append((a["URI"], float(a["DURATION"]), a.get("INDEPENDENT") == "YES"))
        elif name == "EXT-X-PRELOAD-HINT":
            a = attributes(value)
            if a["TYPE"] == "PART":
                if self.hint:
                    self.fault("4.4.5.3 one hint of a type")
                self.hint = a["URI"]
        elif name == "EXT-X-DISCONTINUITY":
            segment.discontinuity = True
        elif name == "EXT-X-GAP":
            segment.gap = True
        elif name == "EXT-X-SKIP":
            self.skip = int(attributes(value)["SKIPPED-SEGMENTS"])
        elif name == "EXT-X-ENDLIST":
            self.ended = True
        elif name == "EXT-X-DATERANGE":
            a = attributes(value)
            self.ranges.append(a["ID"])
            date(a["START-DATE"])
        elif name == "EXT-X-RENDITION-REPORT":
            self.reports.append(attributes(value))
        elif name == "EXT-X-PLAYLIST-TYPE":
            self.type = value
        return init

    @property
    def whole(self):
        return [s for s in self.segments if s.uri]

    def first(self):
        """The media sequence number of segments[0]."""
        return self.sequence + (self.skip or 0)

    def next_msn(self):
        return self.first() + len(self.whole)


def check_media(p):
    """The faults of one live low-latency media playlist."""
    check_head(p)
    check_durations(p)
    check_parts(p)
    check_dates(p)
    return p.faults


def is_transport(segment):
    name = segment.uri or (segment.parts[0][0] if segment.parts else "")
    return name.split("?")[0].endswith(".ts")


def check_head(p):
    transport = bool(p.segments) and is_transport(p.segments[0])
    if not transport and (p.version is None or p.version < 6):
        p.fault("8 EXT-X-MAP needs version 6", p.version)
    if transport and p.skip is None and p.version != 3:
        p.fault("8 decimal EXTINF needs version 3, and nothing needs more", p.version)
    if transport and any(s.map for s in p.segments):
        p.fault("transport streams have no EXT-X-MAP")
    if p.skip is not None and p.version < 9:
        p.fault("8 EXT-X-SKIP needs version 9", p.version)
    if p.target is None:
        p.fault("4.4.3.1 EXT-X-TARGETDURATION is required")
        p.target = 1
    c = p.control
    if p.part_target is None:
        p.fault("4.4.3.7 PART-INF is required with parts")
        p.part_target = 1.0
    if c.get("CAN-BLOCK-RELOAD") != "YES":
        p.fault("B.1 low latency needs CAN-BLOCK-RELOAD")
    if float(c.get("PART-HOLD-BACK", 0)) < 3 * p.part_target - EPSILON:
        p.fault("4.4.3.8 PART-HOLD-BACK at least three part targets", c)
    if "HOLD-BACK" in c and float(c["HOLD-BACK"]) < 3 * p.target - EPSILON:
        p.fault("4.4.3.8 HOLD-BACK at least three target durations", c)
    if float(c.get("CAN-SKIP-UNTIL", 0)) < 6 * p.target - EPSILON:
        p.fault("4.4.3.8 CAN-SKIP-UNTIL at least six target durations", c)
    if not p.ended and not p.hint:
        p.fault("B.1 a preload hint always")
    if p.ended and p.hint:
        p.fault("no hint after the end", p.hint)
    if p.skip is None and p.segments and not transport and p.segments[0].map is None:
        p.fault("fMP4 segments need EXT-X-MAP before the first")


def check_durations(p):
    for s in p.whole:
        if int(s.duration + 0.5) > p.target:
            p.fault("4.4.3.1 EXTINF rounded is at most the target duration",
                    f"{s.uri} {s.duration} > {p.target}")
        if s.duration <= 0:
            p.fault("EXTINF is positive", s.uri)
        if s.parts and abs(sum(d for _, d, _ in s.parts) - s.duration) > 0.002 + EPSILON:
            p.fault("parts add up to their segment", s.uri)


def check_parts(p):
    from_end, listed = 0.0, True
    for s in reversed(p.segments):
        for i, (uri, duration, _) in enumerate(s.parts):
            if duration > p.part_target + EPSILON:
                p.fault("4.4.4.9 a part lasts at most PART-TARGET", f"{uri} {duration}")
            last = s.uri and i == len(s.parts) - 1
            if not last and duration < 0.85 * p.part_target - EPSILON:
                p.fault("4.4.4.9 a part reaches 85 % of PART-TARGET", f"{uri} {duration}")
        if s.uri and from_end < 3 * p.target and not s.parts and listed and not p.ended:
            p.missing_parts = True
        from_end += s.duration if s.uri else sum(d for _, d, _ in s.parts)
    if p.independent:
        for s in p.segments:
            if s.parts and not s.parts[0][2]:
                p.fault("INDEPENDENT-SEGMENTS, but a first part is not INDEPENDENT", s.parts[0][0])


def check_dates(p):
    last = None
    for s in p.whole:
        if s.date is None:
            p.fault("EXT-X-PROGRAM-DATE-TIME on each segment (media.md)", s.uri)
            continue
        if last and not s.discontinuity and abs(s.date - last.date - last.duration) > 0.3:
            p.fault("dates follow durations", f"{s.uri} {s.date - last.date - last.duration:+.3f}")
        last = s


def check_multivariant(text):
    """(faults, [attributes + URI])."""
    faults, variants, lines = [], [], text.split("\n")
    if lines[0] != "#EXTM3U":
        faults.append("first line is EXTM3U")
    for i, line in enumerate(lines):
        if line.startswith("#EXT-X-STREAM-INF:"):
            a = attributes(line.split(":", 1)[1])
            a["URI"] = lines[i + 1]
            if "BANDWIDTH" not in a:
                faults.append("4.4.6.2 BANDWIDTH is required")
            elif int(a["BANDWIDTH"]) < int(a.get("AVERAGE-BANDWIDTH", 0)):
                faults.append("the peak is at least the average")
            for name in ("CODECS", "RESOLUTION", "FRAME-RATE"):
                if name not in a:
                    faults.append(f"{name} (media.md)")
            variants.append(a)
        elif line.startswith("#") and line[1:].partition(":")[0] not in KNOWN:
            faults.append(f"unknown tag: {line}")
    if not variants:
        faults.append("no variant")
    return faults, variants


class Follower:
    """Holds successive full texts of one playlist against each other (6.2.1, 6.2.2)."""

    def __init__(self):
        self.last = None
        self.known = {}
        self.faults = []

    def fault(self, rule, detail=""):
        self.faults.append(f"{rule}: {detail}")

    def see(self, p):
        self.faults += check_media(p)
        if self.last:
            self._compare(self.last, p)
        for i, s in enumerate(p.segments):
            self._remember(p.first() + i, s)
        self.last = p

    def _compare(self, a, b):
        if b.target != a.target:
            self.fault("4.4.3.1 the target duration must not change", f"{a.target} {b.target}")
        if b.part_target != a.part_target:
            self.fault("the part target must not change", f"{a.part_target} {b.part_target}")
        if b.sequence < a.sequence:
            self.fault("4.4.3.2 the media sequence never goes back", f"{a.sequence} {b.sequence}")
        if b.next_msn() < a.next_msn():
            self.fault("segments may not be taken from the end")
        if b.type != a.type:
            self.fault("4.4.3.5 the type of a playlist does not change", f"{a.type} {b.type}")
        if a.type == "EVENT" and b.sequence != a.sequence:
            self.fault("4.4.3.5 nothing is taken out of an EVENT", f"{a.sequence} {b.sequence}")
        if b.independent and not a.independent:
            self.fault("INDEPENDENT-SEGMENTS cannot come back")
        removed = a.segments[:b.sequence - a.sequence]
        expected = a.discontinuity_sequence + sum(s.discontinuity for s in removed)
        if b.sequence - a.sequence <= len(a.segments) and b.discontinuity_sequence != expected:
            self.fault("6.2.2 DISCONTINUITY-SEQUENCE counts what was removed",
                       f"{b.discontinuity_sequence} for {expected}")
        if a.ended and b.text != a.text:
            self.fault("nothing changes after ENDLIST")

    def _remember(self, msn, s):
        old = self.known.get(msn)
        if old:
            if old.uri and (old.uri, old.duration, old.map, old.date, old.discontinuity) != (
                    s.uri, s.duration, s.map, s.date, s.discontinuity):
                self.fault("6.2.1 a segment may not change", s.uri)
            n = min(len(old.parts), len(s.parts))
            if old.parts[:n] != s.parts[:n]:
                self.fault("a part may not change", f"{old.parts[:n]} {s.parts[:n]}")
            if len(s.parts) < len(old.parts) and s.parts:
                self.fault("parts are removed a segment at a time", s.uri)
        self.known[msn] = s


def apply_delta(full, delta):
    """The segments of the playlist that a delta update stands for."""
    skipped = full.segments[delta.sequence - full.sequence:][:delta.skip]
    return skipped + delta.segments
