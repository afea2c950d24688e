#!/usr/bin/env python3
"""Makes tests/fixtures/optim/loss_scales.json: the loss scale after each step as Megatron-Core's DynamicGradScaler has it.

Run from anywhere, in an environment with torch, numpy and megatron-core (pip install --no-deps megatron-core):

    python tests/reference/make_loss_scale_fixture.py

{"cases": [{settings..., "overflow": [0 or 1 for each step], "scale": [after each step], "growth_tracker": [...],
"hysteresis_tracker": [...]}]}. The scaler puts its numbers on a GPU; torch.tensor is made to leave them on the CPU.
"""

import json
import pathlib
import warnings

import numpy as np
import torch

warnings.filterwarnings("ignore")
from megatron.core.optimizer.grad_scaler import DynamicGradScaler  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "optim"

# initial_scale, min_scale, growth_interval, hysteresis, share of steps that overflow
SETTINGS = [
    (2.0**32, 1.0, 1000, 2, 0.0),
    (2.0**32, 1.0, 5, 2, 0.3),
    (2.0**16, 1.0, 3, 1, 0.5),
    (65536.0, 128.0, 4, 3, 0.6),
    (48.0, 5.0, 2, 2, 0.5),
    (8.0, 1.0, 10, 2, 1.0),
]


def on_cpu(make):
    return lambda *arguments, device=None, **others: make(*arguments, **others)


def main():
    torch.tensor = on_cpu(torch.tensor)
    random = np.random.RandomState(1)
    cases = []
    for initial, least, window, hysteresis, share in SETTINGS:
        scaler = DynamicGradScaler(initial, least, 2.0, 0.5, window, hysteresis)
        overflow = [int(value) for value in random.uniform(size=60) < share]
        case = dict(initial_loss_scale=initial, min_loss_scale=least, loss_scale_window=window, hysteresis=hysteresis,
                    overflow=overflow, scale=[], growth_tracker=[], hysteresis_tracker=[])
        for found in overflow:
            scaler.update(bool(found))
            case["scale"].append(scaler.scale.item())
            case["growth_tracker"].append(scaler._growth_tracker)
            case["hysteresis_tracker"].append(scaler._hysteresis_tracker)
        cases.append(case)
    text = ",\n ".join(json.dumps(case) for case in cases)
    (FOLDER / "loss_scales.json").write_text('{"cases": [\n ' + text + "\n]}\n")


if __name__ == "__main__":
    main()
