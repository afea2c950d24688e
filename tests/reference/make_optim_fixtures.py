#!/usr/bin/env python3
"""Makes tests/fixtures/optim/: learning-rate curves as Megatron-Core computes them, and updates as torch.optim does.

Run from anywhere, in an environment with torch, numpy and megatron-core (pip install --no-deps megatron-core):

    python tests/reference/make_optim_fixtures.py

lr_schedules.json: {"cases": [{settings..., "steps": [...], "lr": [...]}]}, from OptimizerParamScheduler.get_lr:
  - "steps" counts updates already applied: update k = 1, 2, ... uses lr(k - 1). With a warm-up the first update
    therefore has lr = init_lr, zero unless set, and update lr_warmup + 1 is the first at full lr. (Megatron calls the
    scheduler after the optimizer, so the learning rate that it prints beside iteration k is lr(k), the next one.)
  - Megatron counts in samples, iterations x global batch, which cancels in every ratio but inverse-square-root's, where
    it cancels too unless lr_warmup is 0 (then lr = max_lr / sqrt(max(step, 1)) depends on the unit; iterations here).
  - Tested in this order: warm-up if lr_warmup > 0 and step <= lr_warmup; constant returns max_lr; step > lr_decay
    returns min_lr; inverse-square-root is max(min_lr, max_lr sqrt(max(lr_warmup, 1)) / sqrt(max(step, 1))); the others
    are min_lr + c (max_lr - min_lr) with r = (step - lr_warmup) / (lr_decay - lr_warmup):
      linear c = 1 - r; cosine c = (1 + cos(pi r)) / 2;
      WSD c = 1 until step lr_decay - lr_wsd_decay, then with r = (step - lr_decay + lr_wsd_decay) / lr_wsd_decay
        linear 1 - r, cosine (1 + cos(pi r)) / 2, exponential 2 * 0.5^r - 1, minus_sqrt 1 - sqrt(r).
  - Refused: min_lr < 0, max_lr < min_lr, init_lr > max_lr, lr_decay <= 0, lr_warmup >= lr_decay.
  - An iteration that is skipped (a bad gradient) does not advance the count.

updates.json: {"cases": [{"optimizer", settings..., "start", "gradients", "weights"}]}, one list of weights after each
update, in float64; lr may change from step to step ("lr" is a list). SGD's first velocity is the gradient itself.
"""

import json
import logging
import pathlib
import types
import warnings

import numpy as np
import torch

warnings.filterwarnings("ignore")
import megatron.core  # noqa: E402
from megatron.core import optimizer_param_scheduler  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "optim"

BASE = dict(init_lr=0.0, max_lr=6e-4, min_lr=6e-5, lr_warmup=10, lr_decay=100)
SCHEDULES = [
    BASE | dict(lr_decay_style="constant"),
    BASE | dict(lr_decay_style="constant", lr_warmup=0),
    BASE | dict(lr_decay_style="linear"),
    BASE | dict(lr_decay_style="linear", lr_warmup=0, min_lr=0.0),
    BASE | dict(lr_decay_style="linear", init_lr=1e-5, lr_decay=37, lr_warmup=7),
    BASE | dict(lr_decay_style="cosine"),
    BASE | dict(lr_decay_style="cosine", lr_warmup=0, min_lr=0.0, lr_decay=1),
    BASE | dict(lr_decay_style="cosine", lr_warmup=99),
    BASE | dict(lr_decay_style="cosine", max_lr=1e-3, min_lr=1e-4, lr_warmup=100, lr_decay=2000),
    BASE | dict(lr_decay_style="cosine", max_lr=3e-4, min_lr=3e-4),
    BASE | dict(lr_decay_style="inverse-square-root"),
    BASE | dict(lr_decay_style="inverse-square-root", lr_warmup=0),
    BASE | dict(lr_decay_style="inverse-square-root", min_lr=3e-4, lr_warmup=5),
]
for style in ["linear", "cosine", "exponential", "minus_sqrt"]:
    SCHEDULES.append(BASE | dict(lr_decay_style="WSD", lr_wsd_decay=20, lr_wsd_decay_style=style))
    SCHEDULES.append(BASE | dict(lr_decay_style="WSD", lr_wsd_decay=90, lr_wsd_decay_style=style, min_lr=0.0))
    # The anneal is longer than what the warm-up leaves of it: the curve jumps down when the warm-up ends.
    SCHEDULES.append(BASE | dict(lr_decay_style="WSD", lr_wsd_decay=95, lr_wsd_decay_style=style))

UPDATES = [
    dict(optimizer="sgd", lr=[0.1, 0.1, 0.05], momentum=0.0, weight_decay=0.0),
    dict(optimizer="sgd", lr=[0.1, 0.1, 0.1], momentum=0.9, weight_decay=0.0),
    dict(optimizer="sgd", lr=[0.1, 0.05, 0.2], momentum=0.9, weight_decay=0.01),
    dict(optimizer="adamw", lr=[1e-2] * 5, beta1=0.9, beta2=0.95, eps=1e-8, weight_decay=0.0),
    dict(optimizer="adamw", lr=[1e-2, 2e-2, 3e-3, 1e-2, 0.0], beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.1),
    dict(optimizer="adamw", lr=[1e-2] * 5, beta1=0.8, beta2=0.9, eps=1e-2, weight_decay=0.5),
]


def steps_of(schedule):
    """Every step of a short schedule, every 13th of a long one, the corners of each, and some past the end."""
    end = schedule["lr_decay"]
    stride = 1 if end <= 100 else 13
    corners = {0, 1, schedule["lr_warmup"], schedule["lr_warmup"] + 1, end - 1, end, end + 1, 2 * end + 5}
    if "lr_wsd_decay" in schedule:
        corners |= {end - schedule["lr_wsd_decay"] + offset for offset in (-1, 0, 1)}
    return sorted(step for step in corners | set(range(0, end + 5, stride)) if step >= 0)


def learning_rates(schedule):
    optimizer = types.SimpleNamespace(param_groups=[{}])
    scheduler = optimizer_param_scheduler.OptimizerParamScheduler(
        optimizer, init_lr=schedule["init_lr"], max_lr=schedule["max_lr"], min_lr=schedule["min_lr"],
        lr_warmup_steps=schedule["lr_warmup"], lr_decay_steps=schedule["lr_decay"],
        lr_decay_style=schedule["lr_decay_style"], start_wd=0.0, end_wd=0.0, wd_incr_steps=1,
        wd_incr_style="constant", wsd_decay_steps=schedule.get("lr_wsd_decay"),
        lr_wsd_decay_style=schedule.get("lr_wsd_decay_style"))
    result = []
    for step in steps_of(schedule):
        scheduler.num_steps = step
        scheduler.step(0)
        result.append(optimizer.param_groups[0]["lr"])
    return result


def updates(case, generator):
    start = generator.standard_normal(7)
    gradients = generator.standard_normal([len(case["lr"]), 7])
    gradients[:, 0] = 0.0  # a weight that never sees a gradient: decay only
    weight = torch.nn.Parameter(torch.from_numpy(start.copy()))
    if case["optimizer"] == "sgd":
        optimizer = torch.optim.SGD([weight], lr=0.0, momentum=case["momentum"], weight_decay=case["weight_decay"])
    else:
        optimizer = torch.optim.AdamW([weight], lr=0.0, betas=(case["beta1"], case["beta2"]), eps=case["eps"],
                                      weight_decay=case["weight_decay"])
    after = []
    for lr, gradient in zip(case["lr"], gradients):
        optimizer.param_groups[0]["lr"] = lr
        weight.grad = torch.from_numpy(gradient.copy())
        optimizer.step()
        after.append(weight.tolist())
    return case | dict(start=start.tolist(), gradients=gradients.tolist(), weights=after)


def write(name, made_with, cases):
    """One case a line, so that a difference between two versions can be read."""
    lines = ",\n".join(json.dumps(case) for case in cases)
    head = f'"made_by": "tests/reference/make_optim_fixtures.py", "made_with": "{made_with}"'
    (FOLDER / name).write_text(f'{{{head}, "cases": [\n{lines}\n]}}\n')


def main():
    logging.disable(logging.CRITICAL)
    FOLDER.mkdir(parents=True, exist_ok=True)
    curves = [schedule | dict(steps=steps_of(schedule), lr=learning_rates(schedule)) for schedule in SCHEDULES]
    write("lr_schedules.json", f"megatron-core {megatron.core.__version__}", curves)
    generator = np.random.default_rng(7)
    write("updates.json", f"torch {torch.__version__}", [updates(case, generator) for case in UPDATES])


if __name__ == "__main__":
    main()
