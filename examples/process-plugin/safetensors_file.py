"""Safetensors files: a length, a header in JSON, and the tensors one after the other."""

import json
import struct

from olive_plugin import PluginError

DTYPE_BYTES = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2}
DTYPE_BYTES.update({"I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1})
LARGEST_HEADER = 100_000_000


class SafetensorsFile:
    """A file whose header is read: `tensors` are names and entries in the order of their bytes."""

    def __init__(self, path):
        self.path = path
        try:
            with open(path, "rb") as file:
                (length,) = struct.unpack("<Q", file.read(8))
                if length > LARGEST_HEADER:
                    raise ValueError(f"its header would have {length} bytes")
                header = json.loads(file.read(length))
                self.metadata = header.pop("__metadata__", None)
                self.tensors = sorted(header.items(), key=lambda item: item[1]["data_offsets"])
        except (OSError, ValueError, struct.error, KeyError, AttributeError, TypeError) as error:
            message = f"`{path}` is no safetensors file"
            raise PluginError("safetensors", message, causes=[str(error)]) from error
        self.data_start = 8 + length

    def chunks(self, entry, size):
        """The bytes of a tensor, at most `size` at a time."""
        start, end = entry["data_offsets"]
        with open(self.path, "rb") as file:
            file.seek(self.data_start + start)
            while start < end:
                chunk = file.read(min(size, end - start))
                if not chunk:
                    raise PluginError("safetensors", f"`{self.path}` ends within a tensor")
                start += len(chunk)
                yield chunk


def write_header(out, tensors, metadata):
    """Writes the header of a file whose tensors follow one after the other."""
    header = {} if metadata is None else {"__metadata__": metadata}
    end = 0
    for name, entry in tensors:
        start, end = end, end + byte_count(entry)
        header[name] = {**entry, "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    out.write(struct.pack("<Q", len(text)) + text)


def byte_count(entry):
    """Bytes of a tensor by its shape and dtype."""
    width = DTYPE_BYTES.get(entry["dtype"])
    if width is None:
        raise PluginError("safetensors", f"dtype `{entry['dtype']}` is not known")
    count = 1
    for length in entry["shape"]:
        count *= length
    return count * width
