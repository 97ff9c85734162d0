"""The one piece of the PNG format that both pictures (app/figures) and manifests inside them (app/export) need."""

import struct
import zlib


def chunk(kind: bytes, content: bytes) -> bytes:
    """One PNG chunk: length, name, content, checksum."""
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))
