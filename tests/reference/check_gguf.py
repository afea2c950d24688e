#!/usr/bin/env python3
"""Checks GGUF files that `kumiko convert gguf-export` wrote: the gguf package reads them, llama.cpp computes with them.

    pip install gguf xllamacpp
    python tests/reference/check_gguf.py KUMIKO

KUMIKO is the program. transformers makes models of each family with random weights; each goes through hf-import and
gguf-export. The gguf package's reader must find the weights (exact for F32, within the element type's rounding for the
others); llama.cpp (in xllamacpp, a build of it as a Python package) must give the log-probabilities of transformers for
the next token, and cut text into the ids that the tokenizer of transformers gives.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.request

import gguf
import numpy as np
import torch
import transformers
import xllamacpp

FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "fixtures"
# Relative to the norm. Q8_0 steps are 1/127 of a block's largest, so errors of some 0.3 % are its nature.
WEIGHTS = dict(F32=0, F16=3e-4, BF16=2.5e-3, Q8_0=8e-3)
LOGPROBS = dict(F32=1e-4, F16=1e-2, BF16=1e-1, Q8_0=3e-1)  # of Q8_0 the activations are rounded too
GELU = 4e-3  # more for GPT-2: llama.cpp looks GELU up in a table of f16
TEXTS = ["The joiner cuts 12 pieces of wood. 木", "A lattice lets the light through\n\n  and keeps the wind out."]


def random_model(config, seed=0):
    torch.manual_seed(seed)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn_like(parameter)
            if parameter.ndim == 2:
                parameter.copy_(noise * (0.3 if "emb" in name or "wte" in name or "wpe" in name else 1.2 / 8))
            else:
                parameter.add_(0.1 * noise)
    return model.eval()


def draw_prompt(model):
    """Ids, and the log-probabilities behind them, of which the largest are those of plain letters: behind half of a
    character llama.cpp's server says nothing."""
    draw = np.random.default_rng(1)
    while True:
        ids = draw.integers(5, 280, 24).tolist()
        with torch.no_grad():
            expected = model(torch.tensor([ids])).logits[0, -1].log_softmax(-1).numpy()
        if all(35 <= token < 94 for token in expected.argsort()[-2:]):
            return ids, expected


def make_cases():
    """Name to (config, folder of the tokenizer)."""
    llama = dict(num_hidden_layers=2, hidden_size=64, num_attention_heads=4, num_key_value_heads=2, intermediate_size=96,
                 max_position_embeddings=256, rms_norm_eps=1e-5)
    llama3 = dict(rope_theta=100.0, rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                  original_max_position_embeddings=64)
    return {
        "gpt2": (transformers.GPT2Config(n_layer=2, n_embd=64, n_head=4, n_positions=256, vocab_size=290, bos_token_id=289,
                                         eos_token_id=289), "gpt2"),
        "llama2": (transformers.LlamaConfig(**llama, vocab_size=288), "llama2"),
        "llama31": (transformers.LlamaConfig(**llama, vocab_size=290, tie_word_embeddings=True, rope_parameters=llama3),
                    "llama31"),
        "mistral": (transformers.MistralConfig(**llama, head_dim=32, vocab_size=288, sliding_window=None), "llama2"),
        "qwen2": (transformers.Qwen2Config(**llama, vocab_size=290, tie_word_embeddings=True), "qwen2"),
    }


class LlamaCpp:
    def __init__(self, path):
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.n_ctx = 256
        parameters.n_parallel = 1
        parameters.warmup = False
        parameters.cpuparams.n_threads = 1
        parameters.verbosity = 0
        parameters.cache_type_k = parameters.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        parameters.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self.server = xllamacpp.Server(parameters)

    def ask(self, path, **question):
        request = urllib.request.Request(self.server.listening_address + path, json.dumps(question).encode(),
                                         {"Content-Type": "application/json"})
        return json.load(urllib.request.urlopen(request))

    def next_logprobs(self, ids, count):
        answer = self.ask("/completion", prompt=ids, n_predict=1, n_probs=count, temperature=0.0,
                          cache_prompt=False, post_sampling_probs=False)
        top = answer["completion_probabilities"][0]["top_logprobs"]
        return {entry["id"]: entry["logprob"] for entry in top}

    def tokens(self, text):
        return self.ask("/tokenize", content=text, add_special=True, parse_special=True)["tokens"]


def check_weights(path, model, kind):
    """The largest relative error of a tensor whose rows stay in order."""
    reader = gguf.GGUFReader(path)
    stored = {tensor.name: tensor for tensor in reader.tensors}
    weights = {name.removeprefix("transformer."): value for name, value in model.state_dict().items()}
    pairs = {"wte.weight": "token_embd.weight", "h.1.mlp.c_fc.weight": "blk.1.ffn_up.weight",
             "h.0.attn.c_attn.weight": "blk.0.attn_qkv.weight", "model.embed_tokens.weight": "token_embd.weight",
             "model.layers.1.mlp.gate_proj.weight": "blk.1.ffn_gate.weight",
             "model.layers.0.self_attn.v_proj.weight": "blk.0.attn_v.weight", "model.norm.weight": "output_norm.weight"}
    worst, count = 0.0, 0
    for theirs, name in pairs.items():
        if theirs not in weights:
            continue
        expected = weights[theirs].numpy()
        if "c_" in theirs:
            expected = expected.T
        tensor = stored[name]
        found = gguf.quants.dequantize(tensor.data, tensor.tensor_type).reshape(expected.shape)
        worst = max(worst, np.linalg.norm(found - expected) / np.linalg.norm(expected))
        assert expected.ndim == 1 or tensor.tensor_type.name == kind, tensor.tensor_type
        count += 1
    assert count >= 3
    return worst


def main():
    kumiko = sys.argv[1]
    failed = False
    for name, (config, tokenizer_folder) in make_cases().items():
        with tempfile.TemporaryDirectory() as work:
            work = pathlib.Path(work)
            model = random_model(config)
            model.save_pretrained(work / "theirs")
            for file in ["tokenizer.json", "tokenizer_config.json", "generation_config.json"]:
                shutil.copy(FIXTURES / "hf" / tokenizer_folder / file, work / "theirs")
            tokenizer = transformers.AutoTokenizer.from_pretrained(FIXTURES / "hf" / tokenizer_folder)
            subprocess.run([kumiko, "convert", "hf-import", "--input", work / "theirs", "--save", work / "ours"],
                           check=True, capture_output=True)
            ids, expected = draw_prompt(model)
            for kind in WEIGHTS:
                path = work / f"{kind}.gguf"
                subprocess.run([kumiko, "convert", "gguf-export", "--load", work / "ours", "--output", path, "--type",
                                kind], check=True, capture_output=True)
                weights = check_weights(path, model, kind)
                llama_cpp = LlamaCpp(path)
                found = llama_cpp.next_logprobs(ids, config.vocab_size)
                assert len(found) == config.vocab_size, len(found)
                logprobs = max(abs(found[token] - expected[token]) for token in found)
                same = [llama_cpp.tokens(text) == tokenizer(text).input_ids for text in TEXTS]
                good = weights <= WEIGHTS[kind] and logprobs <= LOGPROBS[kind] + GELU * (name == "gpt2") and all(same)
                failed = failed or not good
                print(f"{name:8} {kind:5} weights {weights:.1e}, log-probabilities {logprobs:.1e}, ids "
                      f"{'same' if all(same) else 'OTHER'}{'' if good else '   FAILED'}", flush=True)
                del llama_cpp
    sys.exit(failed)


if __name__ == "__main__":
    main()
