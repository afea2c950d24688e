#!/usr/bin/env python3
"""Makes tests/fixtures/hf/: small model folders as transformers saves them, with what it computes for them.

Run from anywhere, in an environment with torch, transformers, tokenizers, numpy and safetensors:

    python tests/reference/make_hf_fixtures.py

tests/fixtures/hf/README.txt, also written here, says what the folders hold.
"""

import contextlib
import importlib
import json
import pathlib
import shutil
from unittest import mock

import numpy as np
import safetensors
import safetensors.torch
import tokenizers
import torch
import transformers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "hf"

README = """Small models as transformers' save_pretrained writes them, and what it computes for them; made by
tests/reference/make_hf_fixtures.py with torch {torch}, transformers {transformers}, tokenizers {tokenizers},
safetensors {safetensors}, numpy {numpy} on a CPU.

gpt2         GPT-2, tied, with a byte-level BPE
gpt2_untied  GPT-2 with a head of its own and an MLP that is not 4 H wide; no tokenizer
gpt2_f16     the same in float16
llama2       Llama 2: grouped queries, untied, with a BPE of SentencePiece's kind (byte fallback)
llama2_bf16  the same family in bfloat16; no tokenizer
llama31      Llama 3.1: scaled rotary frequencies, of which some are divided, some mixed and some left; tied; several
             files with an index; with a byte-level BPE
mistral      heads whose size is not H / N; attention over a window shorter than the sequence
qwen2        biases of q, k and v; tied; with a byte-level BPE
mqa          one head of keys and values; sizes that divide by nothing (H 36, N 3, D 10, F 50, V 131)

All but the 16-bit ones hold expected.f32.safetensors and expected.f64.safetensors: tokens, targets [B, S] (i32), logits
[B, S, V], loss [] (the mean over the tokens), and gradients/NAME of the loss under the names and in the layout of the
model's own files, computed in float32 and in float64, with attn_implementation="eager", from the weights of
model.safetensors, which are exact in both. (Where transformers computes in float32 whatever the model's type is, the
float64 results are of its same code with that type changed.)
"""

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
TEXT = ["The joiner cuts each piece of wood until it holds the next one without a nail.",
        "A lattice lets the light through and keeps the wind out. The light is in the lattice."] * 4


def byte_level(vocab_size, specials, pattern=None):
    """A BPE over bytes. With a pattern, text is cut by it, else as GPT-2 does."""
    tokenizer = Tokenizer(models.BPE())
    if pattern is None:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size - len(specials), show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(TEXT, trainer)
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in specials])
    return tokenizer


def byte_fallback(vocab_size):
    """A BPE as Llama 2's tokenizer.json has it: words begin with U+2581, unknown characters become bytes."""
    learned = Tokenizer(models.BPE())
    learned.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    room = vocab_size - 3 - 256
    learned.train_from_iterator(TEXT[:1], trainers.BpeTrainer(
        vocab_size=room, initial_alphabet=["▁"], limit_alphabet=room - 6, show_progress=False))
    document = json.loads(learned.to_str())
    first = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    vocab = {token: index for index, token in enumerate(first)}
    for token in sorted(document["model"]["vocab"], key=document["model"]["vocab"].get):
        vocab[token] = len(vocab)
    document["model"].update(vocab=vocab, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    tokenizer = Tokenizer.from_str(json.dumps(document))
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in first[:3]])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)])
    return tokenizer


def gpt2_config(**settings):
    return transformers.GPT2Config(resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, **settings)


def make_specs():
    """Folder to (config, batch, sequence, other settings)."""
    tiny_llama = dict(num_hidden_layers=2, hidden_size=16, num_attention_heads=4, num_key_value_heads=2)
    return {
        "gpt2": (gpt2_config(n_layer=2, n_embd=12, n_head=3, n_positions=24, vocab_size=290, bos_token_id=289,
                             eos_token_id=289), 2, 10,
                 dict(tokenizer=lambda: byte_level(290, ["<|endoftext|>"]), bos="<|endoftext|>", eos="<|endoftext|>")),
        "gpt2_untied": (gpt2_config(n_layer=2, n_embd=14, n_head=2, n_positions=16, n_inner=34, vocab_size=61,
                                    tie_word_embeddings=False, layer_norm_epsilon=1e-6, bos_token_id=None,
                                    eos_token_id=None), 3, 11, {}),
        "gpt2_f16": (gpt2_config(n_layer=2, n_embd=14, n_head=2, n_positions=16, n_inner=34, vocab_size=61,
                                 tie_word_embeddings=False, bos_token_id=None, eos_token_id=None), 0, 0,
                     dict(dtype=torch.float16)),
        "llama2": (transformers.LlamaConfig(**tiny_llama, intermediate_size=22, vocab_size=280,
                                            max_position_embeddings=32, rms_norm_eps=1e-5, bos_token_id=1,
                                            eos_token_id=2), 2, 7,
                   dict(tokenizer=lambda: byte_fallback(280), bos="<s>", eos="</s>", unk="<unk>")),
        "llama2_bf16": (transformers.LlamaConfig(**tiny_llama, intermediate_size=22, vocab_size=50,
                                                 max_position_embeddings=32, rms_norm_eps=1e-6), 0, 0,
                        dict(dtype=torch.bfloat16)),
        "llama31": (transformers.LlamaConfig(
            num_hidden_layers=2, hidden_size=16, num_attention_heads=2, num_key_value_heads=1, intermediate_size=24,
            vocab_size=290, max_position_embeddings=256, rms_norm_eps=1e-5, tie_word_embeddings=True,
            rope_parameters=dict(rope_theta=100.0, rope_type="llama3", factor=8.0, low_freq_factor=1.0,
                                 high_freq_factor=4.0, original_max_position_embeddings=64),
            bos_token_id=288, eos_token_id=289), 1, 24,
                    dict(tokenizer=lambda: byte_level(290, ["<|begin_of_text|>", "<|end_of_text|>"], LLAMA3),
                         bos="<|begin_of_text|>", eos="<|end_of_text|>", max_shard_size="14KB")),
        "mistral": (transformers.MistralConfig(
            num_hidden_layers=2, hidden_size=20, num_attention_heads=4, num_key_value_heads=2, head_dim=6,
            intermediate_size=36, vocab_size=97, max_position_embeddings=64, sliding_window=5, rms_norm_eps=1e-5,
            rope_parameters=dict(rope_theta=1000.0, rope_type="default")), 2, 13, {}),
        "qwen2": (transformers.Qwen2Config(
            num_hidden_layers=2, hidden_size=16, num_attention_heads=4, num_key_value_heads=2, intermediate_size=24,
            vocab_size=290, max_position_embeddings=64, rms_norm_eps=1e-6, tie_word_embeddings=True,
            use_sliding_window=False, rope_parameters=dict(rope_theta=1e6, rope_type="default"), bos_token_id=288,
            eos_token_id=288), 2, 9,
                  dict(tokenizer=lambda: byte_level(290, ["<|endoftext|>", "<|im_start|>"], QWEN2),
                       eos="<|endoftext|>")),
        "mqa": (transformers.LlamaConfig(
            num_hidden_layers=1, hidden_size=36, num_attention_heads=3, num_key_value_heads=1, head_dim=10,
            intermediate_size=50, vocab_size=131, max_position_embeddings=20, rms_norm_eps=1e-5,
            tie_word_embeddings=True), 2, 7, {}),
    }


def draw_weights(model, generator):
    """Far from an initialization, so that every term of every gradient matters."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            shape = list(parameter.shape)
            values = generator.standard_normal(shape)
            if name.endswith("bias"):
                values *= 0.1
            elif len(shape) == 1:
                values = 1.0 + 0.2 * values
            elif any(part in name for part in ["wte", "wpe", "embed_tokens"]):
                values *= 0.25
            else:
                num_inputs = shape[0] if ".c_" in name else shape[1]
                gain = 1.6 if any(part in name for part in ["c_attn", "q_proj", "k_proj"]) else 0.9
                values *= gain / num_inputs**0.5
            parameter.copy_(torch.from_numpy(values.astype(np.float32)))


class TorchWithFloat64:
    """torch, whose float32 is float64."""

    def __getattr__(self, name):
        return getattr(torch, dict(float="float64", float32="float64").get(name, name))


@contextlib.contextmanager
def all_in(dtype):
    """transformers computes norms, softmax and rotary angles of a float64 model in float32; inside, in float64."""
    with contextlib.ExitStack() as stack:
        if dtype == torch.float64:
            for name in ["models.llama.modeling_llama", "models.mistral.modeling_mistral", "models.qwen2.modeling_qwen2",
                         "modeling_rope_utils"]:
                stack.enter_context(mock.patch.object(importlib.import_module("transformers." + name), "torch", TorchWithFloat64()))
            stack.enter_context(mock.patch.object(torch.Tensor, "float", torch.Tensor.double))
        yield


def compute(config, weights, tokens, targets, dtype):
    with all_in(dtype):
        model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").to(dtype).train()
        incompatible = model.load_state_dict({name: value.to(dtype) for name, value in weights.items()}, strict=True)
        assert not incompatible.missing_keys and not incompatible.unexpected_keys
        if config.model_type != "gpt2":
            assert model.model.rotary_emb.inv_freq.dtype == dtype
        logits = model(input_ids=tokens.long(), use_cache=False).logits
    assert logits.dtype == dtype
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.long().flatten())
    loss.backward()
    tensors = dict(tokens=tokens, targets=targets, logits=logits.detach().clone(), loss=loss.detach().clone())
    for name, parameter in model.named_parameters():
        tensors["gradients/" + name] = parameter.grad.clone().contiguous()
    return tensors


def save_tokenizer(folder, spec):
    if "tokenizer" not in spec:
        return
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=spec["tokenizer"](), bos_token=spec.get("bos"), eos_token=spec.get("eos"),
        unk_token=spec.get("unk"), clean_up_tokenization_spaces=False)
    tokenizer.save_pretrained(folder)


def main():
    torch.set_num_threads(1)
    for seed, (name, (config, batch, sequence, spec)) in enumerate(make_specs().items()):
        folder = FOLDER / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
        generator = np.random.default_rng(seed)
        draw_weights(model, generator)
        save_tokenizer(folder, spec)
        if "dtype" in spec:
            model.to(spec["dtype"]).save_pretrained(folder)
            continue
        model.save_pretrained(folder, max_shard_size=spec.get("max_shard_size", "5GB"))
        tokens, targets = (torch.from_numpy(generator.integers(0, config.vocab_size, [batch, sequence], dtype=np.int32))
                           for _ in range(2))
        results = {suffix: compute(config, model.state_dict(), tokens, targets, dtype)
                   for suffix, dtype in [("f32", torch.float32), ("f64", torch.float64)]}
        for suffix, tensors in results.items():
            safetensors.torch.save_file(tensors, folder / f"expected.{suffix}.safetensors")
        worst = max((results["f32"][key].double() - exact).norm() / exact.norm()
                    for key, exact in results["f64"].items() if "bias" not in key and exact.is_floating_point())
        size = sum(file.stat().st_size for file in folder.iterdir())
        print(f"{name}: loss {results['f64']['loss']:.4f}, f32 against f64 {worst:.1e}, {size / 1000:.0f} kB, "
              f"{sorted(file.name for file in folder.iterdir())}")
    (FOLDER / "README.txt").write_text(README.format(
        torch=torch.__version__, transformers=transformers.__version__, tokenizers=tokenizers.__version__,
        safetensors=safetensors.__version__, numpy=np.__version__))


if __name__ == "__main__":
    main()
