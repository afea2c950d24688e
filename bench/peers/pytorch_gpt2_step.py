#!/usr/bin/env python3
"""The PyTorch twin of `kumiko bench step`: forward, backward, clipping and AdamW of one GPT-2 on synthetic tokens.

The model is a plain nn.Module over F.linear, F.layer_norm, F.scaled_dot_product_attention and F.cross_entropy; with
--implementation transformers it is GPT2LMHeadModel instead. bench/peers/README.md says how to run it at its best.
"""

import argparse
import contextlib
import json
import math
import os
import resource
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

# layers, heads, hidden; positions 1024 or the sequence length if that is more, vocabulary 50257.
MODELS = {
    "gpt2-tiny": (2, 4, 128),
    "gpt2-124m": (12, 12, 768),
    "gpt2-355m": (24, 16, 1024),
    "gpt2-774m": (36, 20, 1280),
    "gpt2-1558m": (48, 25, 1600),
}
VOCABULARY = 50257


class Block(nn.Module):
    def __init__(self, hidden, heads):
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(hidden)
        self.qkv = nn.Linear(hidden, 3 * hidden)
        self.attention_output = nn.Linear(hidden, hidden)
        self.mlp_norm = nn.LayerNorm(hidden)
        self.up = nn.Linear(hidden, 4 * hidden)
        self.down = nn.Linear(4 * hidden, hidden)

    def forward(self, x):
        batch, sequence, hidden = x.shape
        q, k, v = (part.view(batch, sequence, self.heads, -1).transpose(1, 2)
                   for part in self.qkv(self.attention_norm(x)).chunk(3, dim=-1))
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.attention_output(attended.transpose(1, 2).reshape(batch, sequence, hidden))
        return x + self.down(F.gelu(self.up(self.mlp_norm(x)), approximate="tanh"))


class Gpt2(nn.Module):
    def __init__(self, layers, heads, hidden, positions, vocabulary):
        super().__init__()
        self.token = nn.Embedding(vocabulary, hidden)
        self.position = nn.Embedding(positions, hidden)
        self.blocks = nn.ModuleList(Block(hidden, heads) for _ in range(layers))
        self.final_norm = nn.LayerNorm(hidden)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                scaled = name.endswith(("attention_output.weight", "down.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * layers) if scaled else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, tokens):
        x = self.token(tokens) + self.position.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return F.linear(self.final_norm(x), self.token.weight)


def make_transformers_model(layers, heads, hidden, positions, vocabulary):
    import transformers
    config = transformers.GPT2Config(vocab_size=vocabulary, n_positions=positions, n_embd=hidden, n_layer=layers,
                                     n_head=heads, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, use_cache=False,
                                     bos_token_id=None, eos_token_id=None, attn_implementation="sdpa")
    model = transformers.GPT2LMHeadModel(config)

    class Logits(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, tokens):
            return self.model(input_ids=tokens, use_cache=False).logits

    return Logits()


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS, default="gpt2-124m")
    parser.add_argument("--micro-batch-size", type=int, default=4)
    parser.add_argument("--seq-length", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=["fp32", "bf16"], default="fp32",
                        help="bf16: autocast over fp32 weights, as PyTorch's documentation recommends for training")
    parser.add_argument("--compile", action="store_true", help="torch.compile (needs a C++ compiler)")
    parser.add_argument("--implementation", choices=["plain", "transformers"], default="plain")
    parser.add_argument("--pad-vocab", type=int, default=1, metavar="N", help="round the vocabulary up to a multiple")
    parser.add_argument("--onednn", choices=["on", "off"], default="on", help="let linear layers use oneDNN")
    parser.add_argument("--set-grads", choices=["none", "zero"], default="none",
                        help="free the gradients between steps (PyTorch's default), or keep and zero them")
    parser.add_argument("--optimizer", choices=["fused", "foreach", "loop"], default="fused")
    parser.add_argument("--warmup", type=int, default=1, help="steps not timed")
    parser.add_argument("--steps", type=int, default=3, help="steps timed")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.add_argument("--profile", action="store_true", help="profile one more step and print its operators")
    return parser.parse_args()


def make_optimizer(model, kind):
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    return torch.optim.AdamW([dict(params=matrices, weight_decay=0.1), dict(params=vectors, weight_decay=0.0)],
                             lr=6e-4, betas=(0.9, 0.95), eps=1e-8, fused=kind == "fused", foreach=kind == "foreach")


class Step:
    """One training step, its spans in seconds kept by name."""

    def __init__(self, arguments):
        layers, heads, hidden = MODELS[arguments.model]
        vocabulary = -(-VOCABULARY // arguments.pad_vocab) * arguments.pad_vocab
        positions = max(1024, arguments.seq_length)
        torch.manual_seed(1)
        make = Gpt2 if arguments.implementation == "plain" else make_transformers_model
        self.model = make(layers, heads, hidden, positions, vocabulary)
        self.parameters = list(self.model.parameters())
        self.num_parameters = sum(p.numel() for p in self.parameters)
        self.optimizer = make_optimizer(self.model, arguments.optimizer)
        shape = [arguments.micro_batch_size, arguments.seq_length + 1]
        tokens = torch.randint(0, VOCABULARY, shape)
        self.inputs, self.targets = tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()
        self.set_to_none = arguments.set_grads == "none"
        self.autocast = arguments.dtype == "bf16"
        self.loss = torch.compile(self.compute_loss) if arguments.compile else self.compute_loss
        self.spans = {}

    def compute_loss(self):
        context = torch.autocast("cpu", torch.bfloat16) if self.autocast else contextlib.nullcontext()
        with context:
            logits = self.model(self.inputs)
            return F.cross_entropy(logits.flatten(0, 1), self.targets.flatten())

    def run(self):
        start = time.perf_counter()
        loss = self.loss()
        forward = time.perf_counter()
        loss.backward()
        backward = time.perf_counter()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        clip = time.perf_counter()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=self.set_to_none)
        end = time.perf_counter()
        for name, seconds in [("forward", forward - start), ("backward", backward - forward),
                              ("clip", clip - backward), ("optimizer", end - clip), ("step", end - start)]:
            self.spans.setdefault(name, []).append(seconds)
        return loss.item()


def main():
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    torch.backends.mkldnn.enabled = arguments.onednn == "on"
    step = Step(arguments)
    losses = [step.run() for _ in range(arguments.warmup)]
    step.spans.clear()
    before = resource.getrusage(resource.RUSAGE_SELF)
    losses += [step.run() for _ in range(arguments.steps)]
    after = resource.getrusage(resource.RUSAGE_SELF)

    layers, _, hidden = MODELS[arguments.model]
    seconds = statistics.median(step.spans["step"])
    tokens = arguments.micro_batch_size * arguments.seq_length
    flops_per_token = 6 * step.num_parameters + 12 * layers * hidden * arguments.seq_length
    result = dict(
        program="pytorch", version=torch.__version__, model=arguments.model, parameters=step.num_parameters,
        micro_batch_size=arguments.micro_batch_size, seq_length=arguments.seq_length, threads=arguments.threads,
        dtype=arguments.dtype, mode="compile" if arguments.compile else "eager",
        implementation=arguments.implementation, capability=torch.backends.cpu.get_cpu_capability(),
        preload=os.environ.get("LD_PRELOAD", ""), steps=arguments.steps, first_loss=losses[0], last_loss=losses[-1],
        step_ms=1e3 * seconds, tokens_per_second=tokens / seconds,
        tflops_per_second_per_device=1e-12 * flops_per_token * tokens / seconds,
        region_ms={name: 1e3 * statistics.median(values) for name, values in step.spans.items()},
        peak_rss_bytes=1024 * after.ru_maxrss,
        cpu_ms=1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / arguments.steps,
        page_faults_per_step=(after.ru_minflt - before.ru_minflt) // arguments.steps)
    if arguments.json:
        print(json.dumps(result))
    else:
        regions = ", ".join(f"{name} {ms:.0f}" for name, ms in result["region_ms"].items() if name != "step")
        print(f"PyTorch {torch.__version__} ({result['capability']}), {arguments.model}, {step.num_parameters:,} "
              f"parameters, {arguments.micro_batch_size} x {arguments.seq_length} tokens, {arguments.threads} threads, "
              f"{arguments.dtype}, {result['mode']}\n"
              f"  step {result['step_ms']:.1f} ms (median of {arguments.steps}): {regions}; CPU time {result['cpu_ms']:.0f}\n"
              f"  {result['tokens_per_second']:.0f} tokens/s, {result['tflops_per_second_per_device']:.3f} TFLOP/s\n"
              f"  peak resident {result['peak_rss_bytes'] / 2**30:.2f} GiB, "
              f"{result['page_faults_per_step']:,} page faults a step\n"
              f"  loss {losses[0]:.4f} -> {losses[-1]:.4f}")
    if arguments.profile:
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            step.run()
        print(profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=25, max_name_column_width=50))


if __name__ == "__main__":
    main()
