#!/usr/bin/env python3
"""Encoding speed on one thread: kumiko against the Hugging Face `tokenizers` package, alternately in one run.

    pip install tokenizers
    bench/peers/tokenizer_speed.py --tokenizer tokenizer.json --input text.txt [--kumiko build/kumiko] [--rounds 7]

Both encode the text line by line, time only the encoding, and must give the same number of tokens. Each round of kumiko
is a new process, whose first pass finds an empty word cache and is not counted, as the package's warm-up is not.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
import tokenizers  # noqa: E402


def time_kumiko(options):
    command = [options.kumiko, "bench", "tokenizer", "--tokenizer", options.tokenizer, "--input", options.input,
               "--repetitions", "2", "--json"]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return result["seconds"][1], result["tokens"]


def time_package(encode, lines):
    start = time.perf_counter()
    tokens = sum(len(encoding.ids) for encoding in encode(lines))
    return time.perf_counter() - start, tokens


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", required=True, help="a tokenizer.json")
    parser.add_argument("--input", required=True, help="a UTF-8 text file")
    parser.add_argument("--kumiko", default="build/kumiko")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()

    package = tokenizers.Tokenizer.from_file(options.tokenizer)
    with open(options.input, encoding="utf-8", newline="") as file:
        lines = file.read().split("\n")
    lines = [line + "\n" for line in lines[:-1]] + lines[-1:]
    ways = {
        "encode": lambda batch: (package.encode(line, add_special_tokens=False) for line in batch),
        "encode_batch_fast": lambda batch: package.encode_batch_fast(batch, add_special_tokens=False),
    }
    for encode in ways.values():
        time_package(encode, lines)
    seconds = {name: [] for name in ["kumiko", *ways]}
    for _ in range(options.rounds):
        elapsed, expected = time_kumiko(options)
        seconds["kumiko"].append(elapsed)
        for name, encode in ways.items():
            elapsed, tokens = time_package(encode, lines)
            seconds[name].append(elapsed)
            if tokens != expected:
                raise SystemExit(f"{name} gives {tokens} tokens, kumiko {expected}")

    size = os.path.getsize(options.input)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"{size} bytes, {expected} tokens, median of {options.rounds} rounds, one thread, {platform.processor() or platform.machine()}")
    for name, median in medians.items():
        label = "kumiko" if name == "kumiko" else f"tokenizers {tokenizers.__version__} {name}"
        print(f"{label:36} {size / median / 1e6:8.2f} MB/s  {expected / median / 1e6:7.3f} M tokens/s")
    best = min(median for name, median in medians.items() if name != "kumiko")
    print(f"kumiko is {best / medians['kumiko']:.1f} times as fast as the faster of the package's ways")


main()
