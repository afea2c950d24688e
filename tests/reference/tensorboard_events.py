#!/usr/bin/env python3
"""Event files against the tensorboard package (pip install tensorboard; made with 2.21).

tensorboard_events.py write        makes tests/fixtures/tensorboard/*.hex with the package's own encoder
tensorboard_events.py read FOLDER  reads a run's event files with the package's own reader and prints every scalar
"""
import os
import struct
import sys

from tensorboard.backend.event_processing import event_accumulator
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import masked_crc32c


def record(event):
    data = event.SerializeToString()
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc32c(length)) + data + struct.pack("<I", masked_crc32c(data))


def write():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures", "tensorboard")
    os.makedirs(folder, exist_ok=True)
    values = [summary_pb2.Summary.Value(tag="t" * 200, simple_value=-1.5),
              summary_pb2.Summary.Value(tag="b", simple_value=0.0)]
    events = {
        "long_event": event_pb2.Event(wall_time=1700000000.25, step=1234567890123,
                                      summary=summary_pb2.Summary(value=values)),
        "run_start": event_pb2.Event(wall_time=1700000000.25, step=128,
                                     session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START)),
    }
    for name, event in events.items():
        with open(os.path.join(folder, name + ".hex"), "w") as file:
            file.write(record(event).hex())


def read(folder):
    events = event_accumulator.EventAccumulator(folder, size_guidance={event_accumulator.SCALARS: 0})
    events.Reload()
    for tag in sorted(events.Tags()["scalars"]):
        print(tag, " ".join(f"{scalar.step}:{scalar.value:g}" for scalar in events.Scalars(tag)))


if sys.argv[1:] == ["write"]:
    write()
elif len(sys.argv) == 3 and sys.argv[1] == "read":
    read(sys.argv[2])
else:
    sys.exit(__doc__)
