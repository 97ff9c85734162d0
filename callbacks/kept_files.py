"""Files that the page has sent: kept while they are looked into, so that the page sends each of them once.

What the page holds of one is its SHA-256. The least recently used ones go; who asks for one of these, or asks another
process, is told to choose the file again.
"""

import hashlib
import threading
from collections import OrderedDict

from app.domain.direction_files import MOST_BYTES
from app.domain.errors import BadInput

GONE = "The server does not have this file any more; choose it again."


class KeptFiles:
    """The last files, as many as have `most` bytes together; the newest always stays."""

    def __init__(self, most: int = 2 * MOST_BYTES) -> None:
        self._most, self._lock = most, threading.Lock()
        self._files: OrderedDict[str, bytes] = OrderedDict()

    def keep(self, raw: bytes) -> str:
        """Its digest, by which it is asked for."""
        digest = hashlib.sha256(raw).hexdigest()
        with self._lock:
            self._files[digest] = raw
            self._files.move_to_end(digest)
            while len(self._files) > 1 and sum(map(len, self._files.values())) > self._most:
                self._files.popitem(last=False)
        return digest

    def get(self, digest: str) -> bytes:
        """The file, now the most recently used; refused where it is gone."""
        with self._lock:
            if digest not in self._files:
                raise BadInput(GONE)
            self._files.move_to_end(digest)
            return self._files[digest]
