# SPDX-License-Identifier: ISC
"""Reads a capture of fstrm_capture: Frame Streams, and the little protobuf that dnstap needs. Written from the descriptions of
both formats, so that our own encoder is not its own judge."""
import struct

CONTENT_TYPE = b"protobuf:dnstap.Dnstap"
AUTH_QUERY, AUTH_RESPONSE = 1, 2


def frames(data):
    """The data frames of a file; complains when it does not begin as one of dnstap."""
    at, found = 0, []
    while at + 4 <= len(data):
        length = struct.unpack_from(">I", data, at)[0]
        at += 4
        if length == 0:  # a control frame
            length, kind = struct.unpack_from(">II", data, at)
            if kind == 2:
                assert CONTENT_TYPE in data[at:at + 4 + length]
            at += 4 + length
        else:
            found.append(data[at:at + length])
            at += length
    return found


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7f) << shift
        shift += 7
        if not byte & 0x80:
            return value, at


def fields(data):
    """{number: value} of one protobuf message."""
    at, found = 0, {}
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            found[tag >> 3], at = varint(data, at)
        elif tag & 7 == 2:
            length, at = varint(data, at)
            found[tag >> 3] = data[at:at + length]
            at += length
        elif tag & 7 == 5:
            found[tag >> 3] = struct.unpack_from("<I", data, at)[0]
            at += 4
        else:
            raise ValueError(f"wire type {tag & 7}")
    return found


def messages(data):
    """A list of dictionaries, one for each message."""
    found = []
    for frame in frames(data):
        outer = fields(frame)
        assert outer[15] == 1
        inner = fields(outer[14])
        found.append({
            "identity": outer[1].decode(), "version": outer[2].decode(), "type": inner[1], "family": inner[2],
            "protocol": inner[3], "address": inner[4], "port": inner[6], "time": inner[8], "query": inner.get(10),
            "response": inner.get(14)})
    return found
