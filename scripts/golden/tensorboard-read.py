"""Reads a run's event files with TensorBoard's own readers and compares them with metrics.jsonl and the evaluations.

pip install tensorboard==2.21.0
python scripts/golden/tensorboard-read.py .gtr/runs/RUN

It uses both readers of TensorBoard: the directory watcher behind `--load_fast=false` and the event accumulator. Prints
a line for each file and at the end `N passed, M failed`; exits with 1 on a failure.
"""

import json
import math
import pathlib
import struct
import sys

from tensorboard.backend.event_processing import directory_watcher, event_accumulator, event_file_loader, io_wrapper
from tensorboard.util import tensor_util


def float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def read(folder):
    """All scalars as {(tag, step): value}, pictures and texts counted; every value once."""
    watcher = directory_watcher.DirectoryWatcher(
        str(folder), event_file_loader.EventFileLoader, io_wrapper.IsTensorFlowEventsFile
    )
    scalars, pictures, texts, steps = {}, [], [], []
    for event in watcher.Load():
        for value in event.summary.value:
            plugin = value.metadata.plugin_data.plugin_name
            if plugin == "scalars":
                key = (value.tag, event.step)
                assert key not in scalars, f"{key} is there twice"
                scalars[key] = float(tensor_util.make_ndarray(value.tensor))
            elif plugin == "images":
                pictures.append((value.tag, event.step, tensor_util.make_ndarray(value.tensor)[2][:4]))
            elif plugin == "text":
                texts.append((value.tag, event.step, tensor_util.make_ndarray(value.tensor).item().decode()))
        if event.HasField("summary"):
            steps.append(event.step)
    return scalars, pictures, texts, steps


def leaves(prefix, values):
    for name, value in values.items():
        if isinstance(value, dict):
            yield from leaves(f"{prefix}{name}/", value)
        elif value is not None:
            yield f"{prefix}{name}", value


def check(name, holds):
    print(("ok " if holds else "FAILED ") + name)
    return bool(holds)


def main(run):
    run = pathlib.Path(run)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    scalars, pictures, texts, steps = read(run / "tensorboard" / "training")
    expected = {
        (tag, line["iteration"]): float32(value) for line in lines for tag, value in leaves("", line["metrics"])
    }
    results = [
        check(f"training: {len(expected)} scalars of {len(lines)} iterations", scalars == expected),
        check("training: no step twice, none missing", steps == [line["iteration"] for line in lines]),
        check(
            f"training: {len(pictures)} pictures, {len(texts)} thoughts",
            len(pictures) == len(texts) > 0
            and all(png == b"\x89PNG" for *_, png in pictures)
            and all("verdict" in text for *_, text in texts),
        ),
    ]
    accumulator = event_accumulator.EventAccumulator(
        str(run / "tensorboard" / "training"), size_guidance=event_accumulator.STORE_EVERYTHING_SIZE_GUIDANCE
    )
    accumulator.Reload()
    tags = accumulator.Tags()
    found = {tag for kind in ("scalars", "images", "tensors") for tag in tags[kind]}
    results.append(
        check(
            f"training: the accumulator has all {len(found)} tags",
            found == {tag for tag, _ in expected} | {tag for tag, *_ in pictures + texts},
        )
    )
    evaluation, *_ = read(run / "tensorboard" / "evaluation")
    places = {"start": 0, "final": len(lines)}
    expected = {}
    for file in run.glob("evaluation-*.json"):
        label = file.stem.removeprefix("evaluation-")
        step = places.get(label, int(label.split("-")[-1]) if label.startswith("iteration-") else None)
        expected |= {(tag, step): float32(value) for tag, value in leaves("evaluation/", json.loads(file.read_text()))}
    results.append(
        check(
            f"evaluation: {len(expected)} scalars",
            evaluation == expected and not any(math.isnan(value) for value in evaluation.values()),
        )
    )
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
