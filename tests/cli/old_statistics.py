"""old_statistics.py STATS OUT: statistics as they were written before they had
second ends: those of each value are of format 1."""
import struct
import sys


class Bytes:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, n):
        self.at += n
        return self.data[self.at - n:self.at]

    def word(self):
        return struct.unpack("<Q", self.take(8))[0]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value


def older(data):
    """Statistics of a value; all but the second ends is copied as it is."""
    b = Bytes(data)
    version = b.take(5)
    assert version in (b"QNST\2", b"QNST\3")  # 3: no second ends
    flags, channels = b.varint(), b.varint()
    for _ in range(8):  # numbers of values of each kind, first places
        b.varint()
    n = b.varint()
    out = [b"QNST\1", data[5:b.at]]
    for _ in range(channels if n > 0 else 0):
        start = b.at
        b.varint()
        b.take(8)  # the ends
        out.append(data[start:b.at])
        b.take(8 if version == b"QNST\2" else 0)  # the second ends
        start = b.at
        for _ in range(2 if flags & 2 else 0):
            b.take(80)
            b.varint()
        out.append(data[start:b.at])
    return b"".join(out) + data[b.at:]


def string(data):
    return struct.pack("<Q", len(data)) + data


def check_sum(data):
    h = 0xcbf29ce484222325
    whole = len(data) // 8 * 8
    for (word,) in struct.iter_unpack("<Q", data[:whole]):
        h = (h ^ word) * 0x100000001b3 & (1 << 64) - 1
        h ^= h >> 29
    for byte in data[whole:]:
        h = (h ^ byte) * 0x100000001b3 & (1 << 64) - 1
    return struct.pack("<Q", h)


def main():
    b = Bytes(open(sys.argv[1], "rb").read()[:-8])
    b.take(8)
    b.take(b.word())  # recipe
    b.word()
    b.take(b.word())  # engine
    b.word()
    b.take(8 * b.word())  # samples
    n = b.word()
    out = b.data[:b.at]
    for _ in range(n):
        start = b.at
        b.take(b.word())  # name
        rank = struct.unpack("<II", b.take(8))[1]
        b.take(8 * rank + 4)
        out += b.data[start:b.at]
        stats = b.take(b.word())
        out += string(older(stats) if stats else b"")
    assert b.at == len(b.data)
    open(sys.argv[2], "wb").write(out + check_sum(out))


if __name__ == "__main__":
    main()
