#!/usr/bin/env python3
"""Checks folders that `kumiko convert hf-export` wrote, with transformers as the judge.

    python tests/reference/check_hf_export.py KUMIKO

KUMIKO is the program. Every folder of tests/fixtures/hf is imported and exported again, as float32 and, where it is
16-bit, as it was; what comes out must load with no key missing, unexpected or of another shape and without a warning, and
give the same logits to the last bit. Needs torch, transformers and safetensors.
"""

import contextlib
import io
import logging
import pathlib
import subprocess
import sys
import tempfile
import warnings

import torch
import transformers

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "hf"
DTYPES = dict(gpt2_f16="float16", llama2_bf16="bfloat16")


def load(folder):
    """The model, and all that transformers says while it loads."""
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setLevel(logging.WARNING)
    logger = logging.getLogger("transformers")
    logger.addHandler(handler)
    try:
        with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stderr(said):
            warnings.simplefilter("always")
            model, info = transformers.AutoModelForCausalLM.from_pretrained(
                folder, output_loading_info=True, attn_implementation="eager")
            transformers.AutoConfig.from_pretrained(folder)
    finally:
        logger.removeHandler(handler)
    words = [str(warning.message) for warning in caught]
    words += [line for line in said.getvalue().splitlines() if "Loading weights" not in line and line.strip()]
    return model.eval(), info, words


def main():
    kumiko = sys.argv[1]
    transformers.utils.logging.set_verbosity_warning()
    failed = False
    for fixture in sorted(path for path in FOLDER.iterdir() if path.is_dir()):
        dtype = DTYPES.get(fixture.name, "float32")
        with tempfile.TemporaryDirectory() as work:
            ours, out = f"{work}/ours", f"{work}/out"
            subprocess.run([kumiko, "convert", "hf-import", "--input", fixture, "--save", ours], check=True,
                           capture_output=True)
            shards = ["--max-shard-size", "15KB"] if fixture.name == "llama31" else []
            subprocess.run([kumiko, "convert", "hf-export", "--load", ours, "--output", out, "--dtype", dtype, *shards],
                           check=True, capture_output=True)
            model, info, words = load(out)
            reference, _, _ = load(fixture)
            tokens = torch.arange(12).reshape(2, 6) * 7 % model.config.vocab_size
            with torch.no_grad():
                same = torch.equal(model(tokens).logits, reference(tokens).logits)
            keys = {key: len(value) for key, value in info.items() if "keys" in key}
            tokenizer = "no tokenizer"
            if (fixture / "tokenizer.json").exists():
                text = "The joiner cuts 12 pieces of wood. 木"
                ids = [transformers.AutoTokenizer.from_pretrained(folder)(text).input_ids for folder in (fixture, out)]
                tokenizer = "tokenizer same" if ids[0] == ids[1] else "TOKENIZER DIFFERS"
            good = same and not any(keys.values()) and not words and "DIFFERS" not in tokenizer
            failed = failed or not good
            print(f"{fixture.name:12} {type(model).__name__:19} {str(model.dtype)[6:]:8} "
                  f"{'same' if same else 'OTHER'} logits, keys {sum(keys.values())} wrong, {tokenizer}, "
                  f"{words or 'nothing'} said", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
