#!/usr/bin/env python3
"""Holds our datasets and samples to megatron-core's, on real text.

    check_dataset.py BUILD TOKENIZER TEXT [TEXT ...]

BUILD is the folder of a build with tests (`ninja kumiko dump_samples`), TOKENIZER a tokenizer.json with an
end-of-document token, each TEXT a file of one document a line. It needs numpy, torch (CPU), tokenizers and megatron-core
(used with megatron-core 0.16.1, tokenizers 0.23, Python 3.11).

1. What `kumiko data build` writes is opened with megatron-core's IndexedDataset: every document is what the tokenizers
   package makes of its line.
2. The samples that training would draw, with three seeds, over one epoch and several, from each text by itself and from
   a blend of all, are those of megatron-core's GPTDataset: tokens, labels, loss mask, attention mask and position ids,
   with reset_attention_mask, reset_position_ids and eod_mask_loss.
"""

import json
import logging
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy
import torch
from tokenizers import Tokenizer

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

from megatron.core.datasets.blended_megatron_dataset_builder import BlendedMegatronDatasetBuilder
from megatron.core.datasets.gpt_dataset import GPTDataset, GPTDatasetConfig
from megatron.core.datasets.indexed_dataset import IndexedDataset
from megatron.core.datasets.utils import get_blend_from_list

torch.distributed.get_rank = lambda: 0  # asked when indices are cached, also where there is no process group


class EndOnly:
    """What GPTDataset asks of a tokenizer."""

    vocab_size = None
    unique_identifiers = {}

    def __init__(self, eod):
        self.eod = eod


def build(kumiko, tokenizer, text, prefix, append_eod):
    command = [kumiko, "data", "build", "--input", text, "--output", prefix, "--tokenizer", tokenizer]
    command += ["--split-on", "line"] + (["--append-eod"] if append_eod else [])
    subprocess.run(command, check=True, capture_output=True)


def check_documents(prefix, tokenizer, text, end):
    lines = [line for line in pathlib.Path(text).read_text().split("\n") if line]
    dataset = IndexedDataset(prefix)
    assert len(dataset) == len(dataset.document_indices) - 1 == len(lines), (len(dataset), len(lines))
    encodings = tokenizer.encode_batch(lines, add_special_tokens=False)
    for i, encoding in enumerate(encodings):
        assert dataset[i].tolist() == encoding.ids + end, f"document {i} of {prefix}"
    tokens = int(dataset.sequence_lengths.sum())
    print(f"{pathlib.Path(text).name}: {len(lines)} documents, {tokens} tokens of {dataset.index.dtype.__name__}, equal")
    return tokens


def megatron_samples(path, split, sizes, seq_length, seed, eod):
    config = GPTDatasetConfig(
        random_seed=seed,
        sequence_length=seq_length,
        tokenizer=EndOnly(eod),
        reset_position_ids=True,
        reset_attention_mask=True,
        eod_mask_loss=True,
        path_to_cache=tempfile.mkdtemp(),
        blend=get_blend_from_list(path),
        split=split,
    )
    return BlendedMegatronDatasetBuilder(GPTDataset, sizes, lambda: True, config).build()


def check_samples(dump, path, split, sizes, seq_length, seed, eod):
    """Compares every sample of every split; returns how many samples and how many inner ends of documents there were."""
    count = ends = 0
    rows = torch.arange(seq_length)
    for which, size, theirs in zip(["train", "valid", "test"], sizes, megatron_samples(path, split, sizes, seq_length, seed, eod)):
        arguments = [dump, ",".join(path), split, which, str(size), str(seq_length), str(seed), str(eod)]
        ours = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.splitlines()
        # A blend of datasets without weights may hold more there than was asked for, and here.
        assert len(ours) == len(theirs), (which, len(ours), len(theirs))
        for i, line in enumerate(ours):
            mine, item = {key: torch.tensor(value) for key, value in json.loads(line).items()}, theirs[i]
            place = f"{path} {which} sample {i}, seed {seed}"
            assert torch.equal(mine["tokens"], item["tokens"]), place
            counted = mine["targets"] >= 0
            assert torch.equal(counted.float(), item["loss_mask"]), place
            assert torch.equal(mine["targets"][counted], item["labels"][counted]), place
            assert torch.equal(mine["positions"], item["position_ids"]), place
            hidden = (rows[None, :] > rows[:, None]) | (rows[None, :] < mine["first_keys"][:, None])
            assert torch.equal(hidden[None], item["attention_mask"]), place
            count, ends = count + 1, ends + int((~counted).sum())
    return count, ends


def main():
    build_folder, tokenizer_path, *texts = sys.argv[1:]
    kumiko, dump = f"{build_folder}/kumiko", f"{build_folder}/tests/data/dump_samples"
    tokenizer = Tokenizer.from_file(tokenizer_path)
    eod = next(id for id in map(tokenizer.token_to_id, ["<|endoftext|>", "<|end_of_text|>", "</s>"]) if id is not None)
    with tempfile.TemporaryDirectory() as folder:
        tokens = {}  # of each dataset
        for text in texts:
            prefix = f"{folder}/{pathlib.Path(text).stem}"
            build(kumiko, tokenizer_path, text, f"{prefix}-plain", False)
            check_documents(f"{prefix}-plain", tokenizer, text, [])
            build(kumiko, tokenizer_path, text, prefix, True)
            tokens[prefix] = check_documents(prefix, tokenizer, text, [eod])
        prefixes = list(tokens)
        blend = [field for i, prefix in enumerate(prefixes) for field in (str(i + 1), prefix)]
        paths = [[prefix] for prefix in prefixes] + ([blend, prefixes] if len(prefixes) > 1 else [])
        for seq_length, split, sizes in [(256, "8,1,1", [200, 20, 20]), (32, "1,1,1", [600, 60, 30])]:
            for seed in [1, 1234, 4294967295]:
                for path in paths:
                    epochs = sizes[0] * seq_length / sum(count for prefix, count in tokens.items() if prefix in path)
                    count, ends = check_samples(dump, path, split, sizes, seq_length, seed, eod)
                    names = " ".join(pathlib.Path(field).name for field in path)
                    print(f"{names}: seed {seed}, {count} samples of {seq_length}, {ends} ends of documents, "
                          f"training takes {epochs:.2f} of all tokens, equal")
    print("all equal")


main()
