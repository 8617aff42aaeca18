"""Bytes to columns: pure functions of bytes; no files, no clock, no logging.

Decoder   the face of the room: feed it an event file, take its scalars and its damage
  scan    one chunk of records; two twins of one contract, the compiled _native and the plain _plain
  Walk    whether a large record can be jumped over
  Search  where the next whole record starts after damage
"""

from tbbridge.decode.backend import IMPLEMENTATION, crc32c, masked_crc32c, scan
from tbbridge.decode.decoder import MAX_RECORD, Decoder

__all__ = ["IMPLEMENTATION", "MAX_RECORD", "Decoder", "crc32c", "masked_crc32c", "scan"]
