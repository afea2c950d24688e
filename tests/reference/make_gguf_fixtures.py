#!/usr/bin/env python3
"""Writes tests/fixtures/gguf/: what the gguf package makes of the tensors of tests/fixtures/hf, as digests and bytes.

    pip install gguf safetensors numpy torch
    python tests/reference/make_gguf_fixtures.py

quantized.json: f32 values (hex) and what the package's quantize makes of them in each type (hex). NAME.json: for each
tensor that llama.cpp wants of the fixture NAME, its dims in the file's order and for each type the FNV-1a (64 bits) of its bytes;
names and orders are written out here by hand, from llama.cpp's own conversion.
"""

import json
import pathlib

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from safetensors.torch import load_file

ROOT = pathlib.Path(__file__).resolve().parents[1] / "fixtures"
TYPES = dict(F32=Type.F32, F16=Type.F16, BF16=Type.BF16, Q8_0=Type.Q8_0)


def encode(values, kind):
    return np.ascontiguousarray(gguf.quants.quantize(np.ascontiguousarray(values), TYPES[kind])).tobytes()


def digest(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def weights_of(name):
    tensors = {}
    for file in (ROOT / "hf" / name).glob("model*.safetensors"):
        tensors |= {key: value.float().numpy() for key, value in load_file(file).items()}
    return tensors


def gpt2(name, config):
    theirs = weights_of(name)
    get = lambda key: theirs["transformer." + key]
    result = {"token_embd.weight": get("wte.weight"), "position_embd.weight": get("wpe.weight"),
              "output_norm.weight": get("ln_f.weight"), "output_norm.bias": get("ln_f.bias"),
              "output.weight": theirs.get("lm_head.weight", get("wte.weight"))}
    for layer in range(config["n_layer"]):
        for ours, key in dict(attn_norm="ln_1", attn_qkv="attn.c_attn", attn_output="attn.c_proj", ffn_norm="ln_2",
                              ffn_up="mlp.c_fc", ffn_down="mlp.c_proj").items():
            weight = get(f"h.{layer}.{key}.weight")
            result[f"blk.{layer}.{ours}.weight"] = weight.T if weight.ndim == 2 else weight
            result[f"blk.{layer}.{ours}.bias"] = get(f"h.{layer}.{key}.bias")
    return result


def permute(weight, heads):
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def llama(name, config):
    theirs = weights_of(name)
    result = {"token_embd.weight": theirs["model.embed_tokens.weight"], "output_norm.weight": theirs["model.norm.weight"]}
    if "lm_head.weight" in theirs:
        result["output.weight"] = theirs["lm_head.weight"]
    heads = dict(attn_q=config["num_attention_heads"], attn_k=config["num_key_value_heads"])
    for layer in range(config["num_hidden_layers"]):
        for ours, key in dict(attn_norm="input_layernorm", attn_q="self_attn.q_proj", attn_k="self_attn.k_proj",
                              attn_v="self_attn.v_proj", attn_output="self_attn.o_proj",
                              ffn_norm="post_attention_layernorm", ffn_gate="mlp.gate_proj", ffn_up="mlp.up_proj",
                              ffn_down="mlp.down_proj").items():
            weight = theirs[f"model.layers.{layer}.{key}.weight"]
            if ours in heads and config["model_type"] != "qwen2":
                weight = permute(weight, heads[ours])
            result[f"blk.{layer}.{ours}.weight"] = weight
            if f"model.layers.{layer}.{key}.bias" in theirs:
                result[f"blk.{layer}.{ours}.bias"] = theirs[f"model.layers.{layer}.{key}.bias"]
    rope = config["rope_parameters"]
    if rope["rope_type"] == "llama3":
        dim = config["head_dim"]
        frequencies = 1.0 / rope["rope_theta"] ** (np.arange(0, dim, 2, dtype=np.float64) / dim)
        original, low, high = (rope[key] for key in ["original_max_position_embeddings", "low_freq_factor",
                                                      "high_freq_factor"])
        factors = []
        for frequency in frequencies:
            wavelength = 2 * np.pi / frequency
            smooth = (original / wavelength - low) / (high - low)
            factors.append(1 if wavelength < original / high else rope["factor"] if wavelength > original / low
                           else 1 / ((1 - smooth) / rope["factor"] + smooth))
        result["rope_freqs.weight"] = np.array(factors, dtype=np.float32)
    return result


def main():
    folder = ROOT / "gguf"
    folder.mkdir(exist_ok=True)
    draw = np.random.default_rng(1)
    blocks = np.concatenate([draw.standard_normal([6, 32]), draw.standard_normal([2, 32]) * 1e-6,
                             draw.standard_normal([2, 32]) * 1e4, np.zeros([1, 32]),
                             np.arange(-16, 16)[None] * 0.5, np.full([1, 32], -1e-30),
                             np.full([1, 32], 65000.0)]).astype(np.float32)
    blocks[11, 0] = 127  # so that the scale is one, and halves are rounded
    record = dict(values=blocks.tobytes().hex()) | {kind: encode(blocks, kind).hex() for kind in TYPES}
    (folder / "quantized.json").write_text(json.dumps(record, indent=0) + "\n")
    for name in ["gpt2", "gpt2_untied", "llama2", "llama31", "mistral", "qwen2", "mqa"]:
        config = json.loads((ROOT / "hf" / name / "config.json").read_text())
        tensors = (gpt2 if config["model_type"] == "gpt2" else llama)(name, config)
        lines = []
        for key, weight in tensors.items():
            entry = dict(dims=list(weight.shape[::-1]))
            for kind in TYPES:
                stored = "F32" if weight.ndim == 1 or key == "position_embd.weight" else kind
                stored = "F16" if stored == "Q8_0" and weight.shape[-1] % 32 else stored
                entry[kind] = [stored, digest(encode(weight, stored))]
            lines.append(f'"{key}": {json.dumps(entry)}')
        (folder / f"{name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
