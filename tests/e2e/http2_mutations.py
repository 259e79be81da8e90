"""Bytes of an HTTP/2 connection that make less and less sense: recordings of a stock gRPC client's side (tests/fuzz/corpus/http2), changed.

A recording is cut into its frames; then frames are changed, dropped, repeated, exchanged, taken over from another recording or made up, lengths and
flags lie, gRPC's prefix and protobuf's varints grow. The same seed gives the same bytes.
"""
import glob
import os
import struct

from protobuf_bytes import varint

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
REQUESTS = [b"GET /api/v1/search?q=word&mode=lexical HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 29\r\n\r\n{\"q\":\"word\",\"mode\":\"lexical\"}",
            b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2f\r\n"
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\r\n0\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n"]


def frame(kind, flags, stream, payload, length=None):
    n = len(payload) if length is None else length
    return struct.pack(">I", n & 0xffffff)[1:] + bytes([kind & 255, flags & 255]) + struct.pack(">I", stream & 0xffffffff) + payload


def frames_of(recording):
    """[kind, flags, stream, payload, length or None] of each frame behind the preface."""
    assert recording.startswith(PREFACE)
    at, out = len(PREFACE), []
    while at < len(recording):
        n = int.from_bytes(recording[at:at + 3], "big")
        kind, flags = recording[at + 3:at + 5]
        out.append([kind, flags, int.from_bytes(recording[at + 5:at + 9], "big"), recording[at + 9:at + 9 + n], None])
        at += 9 + n
    return out


class Mutations:
    def __init__(self, r, folder):
        self.r = r
        self.whole = {os.path.basename(p)[:-4]: self._read(p) for p in sorted(glob.glob(folder + "/*.bin"))}
        self.recordings = [frames_of(b) for b in self.whole.values()]
        assert len(self.recordings) > 5, folder

    @staticmethod
    def _read(path):
        with open(path, "rb") as f:
            return f.read()

    def some(self, n):
        return bytes(self.r.getrandbits(8) for _ in range(self.r.randrange(n)))

    def spoil(self, data):
        """A few bytes changed, cut out or put in."""
        b, r = bytearray(data), self.r
        for _ in range(r.choice((1, 1, 2, 4, 16))):
            at = r.randrange(len(b) + 1)
            what = r.randrange(5)
            if what == 0 and b:
                b[at % len(b)] ^= 1 << r.randrange(8)
            elif what == 1 and b:
                b[at % len(b)] = r.choice((0, 1, 0x7f, 0x80, 0xff, r.getrandbits(8)))
            elif what == 2:
                b[at:at] = self.some(12)
            elif what == 3:
                del b[at:at + r.randrange(1, 9)]
            else:
                b[at:at] = b[r.randrange(len(b) + 1):][:r.randrange(40)]
        return bytes(b)

    def made_up(self):
        r = self.r
        stream = r.choice((0, 1, 1, 2, 3, 5, 7, 0x7fffffff, 0x80000001, r.getrandbits(32)))
        kind = r.choice((*range(10), r.getrandbits(8)))
        if kind == SETTINGS:
            body = b"".join(struct.pack(">HI", r.choice((*range(9), r.getrandbits(16))), r.choice((0, 1, 16383, 16384, 0x7fffffff, 0xffffffff, r.getrandbits(32))))
                            for _ in range(r.randrange(40)))
            return [kind, r.choice((0, 0, 1)), r.choice((0, stream)), body, None]
        if kind == WINDOW:
            return [kind, 0, stream, struct.pack(">I", r.choice((0, 1, 0x7fffffff, 0xffffffff, r.getrandbits(32)))), None]
        if kind in (RST, PING, GOAWAY, PRIORITY):
            size = {RST: 4, PING: 8, GOAWAY: 8 + r.randrange(20), PRIORITY: 5}[kind] + r.choice((0, 0, 0, 1, -1))
            return [kind, r.choice((0, 1)), r.choice((0, stream)), bytes(r.getrandbits(8) for _ in range(size)), None]
        return [kind, r.getrandbits(8), stream, self.some(200), None]

    def message(self, payload):
        """A DATA frame's payload: gRPC's five bytes, then protobuf."""
        r, prefix, body = self.r, payload[:5], payload[5:]
        what = r.randrange(5)
        if what == 0:
            body = self.spoil(body)
            return bytes([0]) + struct.pack(">I", len(body)) + body
        if what == 1:
            return bytes([r.choice((0, 1, 255))]) + struct.pack(">I", r.choice((0, 1, len(body) + 1, 1 << 22, 0xffffffff, r.getrandbits(32)))) + body
        if what == 2:  # a field that is large, deep or many
            n = r.randrange(1, 2000)
            body = r.choice((b"\x0a" + varint(n) + b"a" * n, b"\x0a\x00" * n, b"\x13" * n, b"\x0a" + varint(r.getrandbits(63)), b"\x10" + b"\xff" * 10, body * 50))
            return bytes([0]) + struct.pack(">I", len(body)) + body
        if what == 3:
            return prefix + body + payload
        return self.spoil(payload)

    def change(self, frames):
        r = self.r
        at = r.randrange(len(frames)) if frames else 0
        what = r.randrange(11)
        if what == 0 or not frames:
            frames.insert(at, self.made_up())
        elif what == 1:
            frames[at][3] = self.spoil(frames[at][3])
        elif what == 2:
            frames[at][r.randrange(2)] = r.getrandbits(8)
        elif what == 3:
            frames[at][2] = r.choice((0, 1, 2, 3, 0x7fffffff, r.getrandbits(32)))
        elif what == 4:
            frames[at][4] = r.choice((0, 1, len(frames[at][3]) + 1, len(frames[at][3]) + 9, 16385, 0xffffff, r.getrandbits(24)))
        elif what == 5:
            del frames[at]
        elif what == 6:
            frames.insert(at, list(frames[at]))
        elif what == 7:
            other = r.randrange(len(frames))
            frames[at], frames[other] = frames[other], frames[at]
        elif what == 8:
            other = r.choice(self.recordings)
            frames[at:at] = [list(f) for f in other[r.randrange(len(other)):][:r.randrange(1, 6)]]
        elif what == 9:  # headers in pieces
            kind, flags, stream, payload, _ = frames[at]
            cut = r.randrange(len(payload) + 1)
            frames[at:at + 1] = [[kind, flags & ~4, stream, payload[:cut], None], [CONTINUATION, r.choice((0, 4)), stream, payload[cut:], None]]
        else:
            datas = [f for f in frames if f[0] == DATA]
            for f in datas[:1 + r.randrange(3)]:
                f[3] = self.message(f[3])

    def http2(self):
        frames = [list(f) for f in self.r.choice(self.recordings)]
        for _ in range(self.r.choice((1, 1, 2, 3, 6, 12))):
            self.change(frames)
        out = b"".join(frame(*f) for f in frames)
        if self.r.random() < 0.1:
            out = out[:self.r.randrange(len(out) + 1)]
        preface = PREFACE if self.r.random() < 0.95 else self.spoil(PREFACE)
        return preface + out

    def http1(self):
        request = self.r.choice(REQUESTS)
        for _ in range(self.r.choice((1, 2, 5))):
            request = self.spoil(request)
        return request * self.r.choice((1, 1, 3))
