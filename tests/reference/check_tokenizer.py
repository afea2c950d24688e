#!/usr/bin/env python3
"""Compares the ids of `kumiko tokenizer encode` with those of the Hugging Face `tokenizers` package on any files, and the
decoded text with the file. For whole vocabularies and large texts, which are too big to commit as fixtures.

    pip install tokenizers
    tests/reference/check_tokenizer.py --tokenizer T [--kumiko build/kumiko] FILE... [--files-from LIST]

T is whatever `kumiko tokenizer --tokenizer` takes but "bytes". Ends with status 1 and the first difference of each file
if there is any.
"""
import argparse
import json
import pathlib
import subprocess
import sys

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers


def load_package(source):
    path = pathlib.Path(source)
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
    return None if decoded == text.encode("utf-8") else f"{file}: decoding does not give the text back"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--kumiko", default="build/kumiko")
    parser.add_argument("--files-from", help="a file that names one file a line")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    files = options.files
    if options.files_from:
        files += pathlib.Path(options.files_from).read_text().splitlines()
    package = load_package(options.tokenizer)
    differences = [line for line in (check(options, package, file) for file in files) if line]
    size = sum(pathlib.Path(file).stat().st_size for file in files)
    print("\n".join(differences + [f"{len(files)} files, {size} bytes: {len(differences)} differ"]))
    sys.exit(1 if differences or not files else 0)


main()
