#!/usr/bin/env python3
"""Compares the ids of `kumiko tokenizer encode` with those of the package `tokenizers` (or `sentencepiece`, for a .model)
on any files and on random texts, and the decoded text with the package's. For whole vocabularies and large texts, which are
too big to commit as fixtures.

    pip install tokenizers sentencepiece
    tests/reference/check_tokenizer.py --tokenizer T [--kumiko build/kumiko] FILE... [--files-from LIST] [--random N]

T is whatever `kumiko tokenizer --tokenizer` takes but "bytes". Ends with status 1 and the first difference of each file
if there is any.
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers


class SentencePiece:
    """The interface of the `tokenizers` package, as far as it is used here."""

    def __init__(self, path):
        from sentencepiece import SentencePieceProcessor
        self.processor = SentencePieceProcessor(model_file=str(path))

    def encode(self, text, add_special_tokens):
        assert not add_special_tokens
        return type("Encoding", (), {"ids": self.processor.encode(text)})

    def decode(self, ids, skip_special_tokens):
        assert not skip_special_tokens
        return self.processor.decode(ids)


def load_package(source):
    path = pathlib.Path(source)
    if path.suffix == ".model":
        return SentencePiece(path)
    if path.is_dir() and (path / "tokenizer.json").exists():
        path = path / "tokenizer.json"
    elif path.is_dir():
        path = path / "encoder.json"
    if not path.name.endswith("encoder.json"):
        return Tokenizer.from_file(str(path))
    vocabulary = json.loads(path.read_text(encoding="utf-8"))
    lines = path.with_name(path.name.replace("encoder.json", "vocab.bpe")).read_text(encoding="utf-8").split("\n")
    merges = [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<|endoftext|>", special=True)])
    return tokenizer


def first_difference(expected, found):
    pairs = enumerate(zip(expected, found))
    at = next((i for i, (a, b) in pairs if a != b), min(len(expected), len(found)))
    return f"at token {at}: package {expected[at:at + 4]}, kumiko {found[at:at + 4]}"


def check(options, package, file):
    command = [options.kumiko, "tokenizer"]
    arguments = ["--tokenizer", options.tokenizer]
    data = pathlib.Path(file).read_bytes()
    text = data.decode("utf-8", errors="replace")
    expected = package.encode(text, add_special_tokens=False).ids
    output = subprocess.run([*command, "encode", *arguments, "--input", file], check=True, capture_output=True).stdout
    found = [int(word) for word in output.split()]
    if found != expected:
        return f"{file}: {first_difference(expected, found)}"
    decoded = subprocess.run([*command, "decode", *arguments], check=True, capture_output=True, input=output).stdout
    wanted = package.decode(expected, skip_special_tokens=False)
    return None if decoded == wanted.encode("utf-8") else f"{file}: decoded otherwise"


PIECES = ["'s", "'RE", "  ", "   ", "\n", "\r\n", "\n\n", "\t", "\u0085", "\u00a0", "\u3000", "123", "4567", "é", "e\u0301", "日本語", "👍🏽",
          "👩\u200d👩\u200d👧", "the", " the", "ing", " a", "!!!", "``", "''", "\u2581", "\u2581\u2581", "</s>", "<s>", "<unk>", "<0x41>",
          "\ufb01", "\u2460", "\uff21", "\u3231", "\u200b", "\ufeff", "\u0345", "\u0334", "각", "\u1100", "\u1161", "İ", "ß", "क्षि", "\x07"]
BLOCKS = [(0x20, 0x7F), (0x80, 0x600), (0x300, 0x370), (0x900, 0x1200), (0x1D00, 0x2070), (0x3000, 0x3400), (0xAC00, 0xD7A4),
          (0xFB00, 0xFFFE), (0x10000, 0x1E000), (0x1F300, 0x1FB00), (0xE000, 0x110000)]


def random_text(draw):
    def part():
        kind = draw.random()
        return draw.choice(PIECES) if kind < 0.5 else " " if kind < 0.6 else chr(draw.randrange(*draw.choice(BLOCKS)))
    return "".join(part() for _ in range(draw.choice([1, 2, 3, 5, 10, 20, 40])))


def check_random(options, package):
    """Many texts for each start of the program, a file each. The number of those whose ids differ, the first shown."""
    draw = random.Random(options.seed)
    differences = []
    with tempfile.TemporaryDirectory() as folder:
        for begin in range(0, options.random, 500):
            texts = [random_text(draw) for _ in range(min(500, options.random - begin))]
            files = [pathlib.Path(folder) / str(i) for i in range(len(texts))]
            for file, text in zip(files, texts):
                file.write_bytes(text.encode())
            output = subprocess.run([options.kumiko, "tokenizer", "encode", "--tokenizer", options.tokenizer, "--input", *files],
                                    check=True, capture_output=True, text=True).stdout
            for text, line in zip(texts, output.split("\n"), strict=False):
                expected = package.encode(text, add_special_tokens=False).ids
                found = [int(word) for word in line.split()]
                if found != expected:
                    differences.append(f"{text!r}: {first_difference(expected, found)}")
    print("\n".join(differences[:3] + [f"{options.random} random texts: {len(differences)} differ"]))
    return len(differences)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--kumiko", default="build/kumiko")
    parser.add_argument("--files-from", help="a file that names one file a line")
    parser.add_argument("--random", type=int, default=0, help="how many random texts")
    parser.add_argument("--seed", type=int, default=1, help="of the random texts")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    files = options.files
    if options.files_from:
        files += pathlib.Path(options.files_from).read_text().splitlines()
    package = load_package(options.tokenizer)
    differences = [line for line in (check(options, package, file) for file in files) if line]
    size = sum(pathlib.Path(file).stat().st_size for file in files)
    print("\n".join(differences + [f"{len(files)} files, {size} bytes: {len(differences)} differ"]))
    if options.random and check_random(options, package):
        sys.exit(1)
    sys.exit(1 if differences or not (files or options.random) else 0)


main()
