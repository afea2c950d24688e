"""Makes tests/fixtures/dataset: what megatron-core and NumPy do with small datasets, for the tests under tests/data.

Run with numpy, torch (CPU) and megatron-core installed (made with megatron-core 0.16.1, numpy 2.4, Python 3.11):

    python3 tests/reference/make_dataset_fixtures.py tests/fixtures/dataset

Every token of a dataset is a different number, so a sample's tokens say exactly where it came from.
"""

import json
import pathlib
import sys
import tempfile
import warnings

import numpy
import torch

warnings.filterwarnings("ignore")

from megatron.core.datasets import helpers
from megatron.core.datasets.blended_megatron_dataset_builder import BlendedMegatronDatasetBuilder
from megatron.core.datasets.gpt_dataset import GPTDataset, GPTDatasetConfig, _get_ltor_masks_and_position_ids
from megatron.core.datasets.indexed_dataset import IndexedDatasetBuilder
from megatron.core.datasets.utils import get_blend_from_list, normalize

torch.distributed.get_rank = lambda: 0  # asked when indices are cached, also where there is no process group


class NoTokenizer:
    vocab_size = None
    eod = -1
    unique_identifiers = {}


def write_dataset(prefix, documents, dtype, first_token):
    """documents: for each, the sizes of its sequences. Tokens count up from first_token."""
    builder = IndexedDatasetBuilder(f"{prefix}.bin", dtype=dtype)
    token = first_token
    for sizes in documents:
        total = sum(sizes)
        builder.add_document(torch.arange(token, token + total), list(sizes))
        token += total
    builder.finalize(f"{prefix}.idx")


def build(sizes, seq_length, seed, **blend):
    config = GPTDatasetConfig(
        random_seed=seed,
        sequence_length=seq_length,
        tokenizer=NoTokenizer(),
        reset_position_ids=False,
        reset_attention_mask=False,
        eod_mask_loss=False,
        create_attention_mask=False,
        path_to_cache=tempfile.mkdtemp(),
        **blend,
    )
    return BlendedMegatronDatasetBuilder(GPTDataset, sizes, lambda: True, config).build()


def samples_of(dataset):
    """All samples in order, as runs [first token, how many count up from it]."""
    samples = []
    for i in range(len(dataset)):
        item = dataset[i]
        text = item["tokens"].tolist() + [item["labels"].tolist()[-1]]
        runs = []
        for token in text:
            if runs and token == runs[-1][0] + runs[-1][1]:
                runs[-1][1] += 1
            else:
                runs.append([token, 1])
        samples.append(runs)
    return samples


def shuffles():
    cases = []
    for seed, lengths in [(0, [1, 2, 3, 40]), (1234, [10, 6, 100]), (4294967295, [17, 255, 256, 257])]:
        random = numpy.random.RandomState(seed)
        arrays = []
        for length in lengths:
            values = numpy.arange(length, dtype=numpy.int32)
            random.shuffle(values)
            arrays.append(values.tolist())
        cases.append({"seed": seed, "shuffled": arrays})
    return cases


def normalized():
    random = numpy.random.RandomState(7)
    cases = []
    for size in [1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 129, 200]:
        weights = [float(numpy.round(w, 4)) + 0.0001 for w in random.rand(size)]
        cases.append({"weights": weights, "normalized": normalize(weights)})
    return cases


def blend_indices():
    cases = []
    for weights, size in [([0.5, 0.25, 0.25], 8), ([0.7, 0.2, 0.1], 50), ([1, 1, 1], 20), ([0.01, 3, 0.4, 11], 60)]:
        weights = normalize(weights)
        dataset = numpy.zeros(size, dtype=numpy.int16)
        sample = numpy.zeros(size, dtype=numpy.int64)
        helpers.build_blending_indices(dataset, sample, weights, len(weights), size, False)
        cases.append({"weights": weights, "dataset": dataset.tolist(), "sample": sample.tolist()})
    return cases


def orders(folder):
    """One dataset: splits, seeds, one or several epochs, the last epoch apart or not, empty sequences."""
    random = numpy.random.RandomState(3)
    ragged = [int(n) for n in random.randint(0, 30, size=60)]
    ragged[0] = ragged[7] = ragged[8] = ragged[47] = 0
    ragged[59] = 12  # a split without tokens would never end there
    cases = []
    for name, sizes, split, seq_length, seed, requested in [
        ("tiny", [5, 3, 7], "1,0,0", 4, 1, [3, None, None]),
        ("empty_sequence", [5, 0, 3, 7], "1,0,0", 4, 5, [6, None, None]),
        ("ragged", ragged, "900,90,10", 8, 1234, [20, 1, 1]),
        ("ragged", ragged, "8,1,1", 8, 1234, [100, 3, 3]),
        ("ragged", ragged, "8,1,1", 8, 99, [150, 40, 20]),
        ("ragged", ragged, "0.5, 0.5", 16, 0, [300, 7, 0]),
        ("ragged", ragged, "1,1,1", 64, 7, [9, 30, 1]),
        # One split, three seeds; the final epoch used little, much and whole.
        ("ragged", ragged, "1,0,0", 8, 2, [110, None, None]),
        ("ragged", ragged, "1,0,0", 8, 3, [200, None, None]),
        ("ragged", ragged, "1,0,0", 8, 4294967295, [216, None, None]),
        # Parts without sequences, first and last.
        ("ragged", ragged, "0,3,1", 8, 11, [None, 50, 4]),
        ("ragged", ragged, "95,0,5", 8, 12, [30, None, 2]),
    ]:
        prefix = f"{folder}/{name}"
        write_dataset(prefix, [[n] for n in sizes], numpy.uint16, 0)
        # A null request leaves the split out: its share is zero.
        wanted = [0 if n is None else n for n in requested]
        datasets = build(wanted, seq_length, seed, blend=([prefix], None), split=split)
        for which, dataset in zip(["train", "valid", "test"], datasets):
            if dataset is None:
                continue
            request = wanted[["train", "valid", "test"].index(which)]
            if request == 0:
                continue
            cases.append(
                {
                    "dataset": name,
                    "sizes": sizes,
                    "split": split,
                    "which": which,
                    "seq_length": seq_length,
                    "seed": seed,
                    "num_samples": request,
                    "document_index": dataset.document_index.tolist(),
                    "sample_index": dataset.sample_index.tolist(),
                    "shuffle_index": dataset.shuffle_index.tolist(),
                    "samples": samples_of(dataset),
                }
            )
    return cases


def blends(folder):
    """Several datasets: with weights, without, one list a split."""
    random = numpy.random.RandomState(11)
    for i, (count, dtype) in enumerate([(40, numpy.uint16), (25, numpy.int32), (8, numpy.int64), (30, numpy.uint16)]):
        documents = [[int(n)] for n in random.randint(1, 20, size=count)]
        write_dataset(f"{folder}/part{i}", documents, dtype, 1000 * (i + 1))
    cases = []
    for path, split, seq_length, seed, requested in [
        (["3", "part0", "1", "part1", "0.5", "part2"], "8,1,1", 6, 42, [200, 12, 5]),
        (["0.2", "part2", "0.8", "part0"], "1,1,0", 10, 1, [33, 10, None]),
        (["1", "part1"], "1,0,0", 10, 2, [100, None, None]),
        (["part0", "part1", "part2"], "1,0,0", 6, 3, [50, None, None]),
        (["part0", "part1"], "3,1,0", 5, 4, [20, 5, None]),
        (["4", "part0", "3", "part1", "2", "part2", "1", "part3"], "7,2,1", 7, 5, [150, 20, 9]),
        (["part3", "part0", "part2", "part1"], "1,1,0", 4, 6, [60, 40, None]),
        (["1", "part3", "1", "part3"], "1,0,0", 9, 7, [40, None, None]),
    ]:
        located = [f"{folder}/{field}" if field.startswith("part") else field for field in path]
        wanted = [0 if n is None else n for n in requested]
        datasets = build(wanted, seq_length, seed, blend=get_blend_from_list(located), split=split)
        for i, which in enumerate(["train", "valid", "test"]):
            if requested[i] is not None:
                cases.append(
                    {
                        "data_path": path,
                        "split": split,
                        "which": which,
                        "seq_length": seq_length,
                        "seed": seed,
                        "num_samples": requested[i],
                        "samples": samples_of(datasets[i]),
                    }
                )
    lists = [["1", "part0", "2", "part1"], ["part2"], ["part0", "part1", "part2"]]
    located = [get_blend_from_list([f"{folder}/{f}" if f.startswith("part") else f for f in path]) for path in lists]
    datasets = build([60, 9, 8], 6, 8, blend_per_split=located)
    for i, which in enumerate(["train", "valid", "test"]):
        cases.append(
            {
                f"{which}_data_path": lists[i],
                "which": which,
                "seq_length": 6,
                "seed": 8,
                "num_samples": [60, 9, 8][i],
                "samples": samples_of(datasets[i]),
            }
        )
    return cases


def first_keys_of(attention_mask):
    """Of each row of a mask (true: hidden), the first visible key; the others must go on from there to the row itself."""
    size = attention_mask.shape[-1]
    first_keys = [row.index(False) for row in attention_mask[0].tolist()]
    band = [[not first <= key <= row for key in range(size)] for row, first in enumerate(first_keys)]
    assert band == attention_mask[0].tolist()
    return first_keys


def document_masks():
    """What becomes of samples of several documents, with each of the options set or not. The end of a document is 7."""
    random = numpy.random.RandomState(5)
    samples = [
        [1, 2, 7, 3, 4, 5, 7, 6],  # documents begun and ended anywhere
        [7, 1, 2, 3, 7, 7, 4, 7],  # empty ones, at the start and at the end too
        [1, 2, 3, 4],
        [7, 7, 7],
        [7],
        random.randint(0, 8, size=40).tolist(),
        numpy.where(random.rand(150) < 0.04, 7, random.randint(0, 7, size=150)).tolist(),
    ]
    cases = []
    for tokens in samples:
        case = {"tokens": tokens}
        for options in range(8):
            reset_positions, reset_attention, mask_loss = (bool(options >> bit & 1) for bit in range(3))
            attention, loss, positions = _get_ltor_masks_and_position_ids(
                torch.tensor(tokens), 7, reset_positions, reset_attention, mask_loss, True
            )
            # Each option has its say alone.
            for name, option, value in [
                ("first_keys", reset_attention, first_keys_of(attention)),
                ("positions", reset_positions, positions.tolist()),
                ("loss_mask", mask_loss, [int(weight) for weight in loss.tolist()]),
            ]:
                key = name if option else f"{name}_off"
                assert case.setdefault(key, value) == value
        cases.append(case)
    return cases


def write_types(folder):
    """Two documents of several sequences, empty ones between them, in each integer type; its largest token last."""
    for dtype in [numpy.uint8, numpy.int8, numpy.int16, numpy.uint16, numpy.int32, numpy.int64]:
        builder = IndexedDatasetBuilder(f"{folder}/type_{dtype.__name__}.bin", dtype=dtype)
        largest = min(int(numpy.iinfo(dtype).max), 2**31 - 1)
        builder.add_document(torch.tensor([5, 0, 1]), [2, 1])
        builder.add_document(torch.tensor([], dtype=torch.int64), [])
        builder.add_document(torch.tensor([], dtype=torch.int64), [0])
        builder.add_document(torch.tensor([largest - 1, 127, largest]), [3])
        builder.finalize(f"{folder}/type_{dtype.__name__}.idx")


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write_dataset(f"{folder}/golden", [[3], [2]], numpy.uint16, 1)
    # Documents of several sequences, of none, and of an empty one.
    write_dataset(f"{folder}/documents", [[3, 2], [], [4], [0, 1, 1]], numpy.int32, 70000)
    write_types(folder)
    fixtures = {
        "shuffles": shuffles(),
        "normalized": normalized(),
        "blend_indices": blend_indices(),
        "orders": orders(folder),
        "blends": blends(folder),
        "document_masks": document_masks(),
    }
    with open(folder / "order.json", "w") as file:
        lines = [f"{json.dumps(key)}: [\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]"
                 for key, cases in fixtures.items()]
        file.write("{\n" + ",\n".join(lines) + "\n}\n")


main()
