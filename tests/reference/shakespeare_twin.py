#!/usr/bin/env python3
"""The PyTorch twin of examples/shakespeare-char.toml: the same small GPT-2 on the same bytes, to compare curves with.

The sizes are nanoGPT's published CPU configuration for Shakespeare by characters (4 layers, 4 heads, 128 wide, context
64, batch 12, 2000 iterations, no dropout), for which it reports a validation loss of 1.88. Tokens are bytes, vocabulary
256; the first 90 % of the file is for training.

    python tests/reference/shakespeare_twin.py shakespeare.txt [options]

Prints the validation loss every 250 steps, over the whole validation part in consecutive windows, and beside it what
nanoGPT would print: the mean over 20 random batches, whose own standard error is about 0.015.

--order random   nanoGPT's: each window starts at a random byte, with replacement
--order epochs   Megatron's for one document: consecutive windows of the text repeated epoch after epoch; the whole
                 epochs are shuffled together, and the last, partial one by itself if less than 80 % of it is used
"""

import argparse
import math
import pathlib
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

VOCABULARY = 256


class Block(nn.Module):
    def __init__(self, hidden, heads, bias):
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(hidden, bias=bias)
        self.qkv = nn.Linear(hidden, 3 * hidden, bias=bias)
        self.attention_output = nn.Linear(hidden, hidden, bias=bias)
        self.mlp_norm = nn.LayerNorm(hidden, bias=bias)
        self.up = nn.Linear(hidden, 4 * hidden, bias=bias)
        self.down = nn.Linear(4 * hidden, hidden, bias=bias)

    def forward(self, x):
        batch, sequence, hidden = x.shape
        q, k, v = (part.view(batch, sequence, self.heads, -1).transpose(1, 2)
                   for part in self.qkv(self.attention_norm(x)).chunk(3, dim=-1))
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.attention_output(attended.transpose(1, 2).reshape(batch, sequence, hidden))
        return x + self.down(F.gelu(self.up(self.mlp_norm(x)), approximate="tanh"))


class Gpt2(nn.Module):
    def __init__(self, options):
        super().__init__()
        hidden, layers = options.hidden, options.layers
        self.token = nn.Embedding(VOCABULARY, hidden)
        self.position = nn.Embedding(options.seq_length, hidden)
        self.blocks = nn.ModuleList(Block(hidden, options.heads, options.bias) for _ in range(layers))
        self.final_norm = nn.LayerNorm(hidden, bias=options.bias)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                scaled = options.scaled_init and name.endswith(("attention_output.weight", "down.weight"))
                nn.init.normal_(parameter, std=options.init_std / math.sqrt(2 * layers if scaled else 1))
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, tokens):
        x = self.token(tokens) + self.position.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return F.linear(self.final_norm(x), self.token.weight)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=pathlib.Path)
    parser.add_argument("--order", choices=["random", "epochs"], default="epochs")
    parser.add_argument("--bias", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--scaled-init", action=argparse.BooleanOptionalAction, default=True,
                        help="initialize the two projections into the residual stream with std / sqrt(2 layers)")
    parser.add_argument("--init-std", type=float, default=0.02)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--seq-length", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=12)
    parser.add_argument("--train-iters", type=int, default=2000)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--min-lr", type=float, default=1e-4)
    parser.add_argument("--lr-warmup-iters", type=int, default=100)
    parser.add_argument("--adam-beta2", type=float, default=0.99)
    parser.add_argument("--weight-decay", type=float, default=0.1)
    parser.add_argument("--clip-grad", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1337)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quiet", action="store_true", help="print only the last line")
    return parser.parse_args()


def epoch_order(num_tokens, options, generator):
    """Starts, modulo num_tokens, of the windows of the whole run in the order of training."""
    length, samples = options.seq_length, options.batch_size * options.train_iters
    epochs = 1
    while (epochs * num_tokens - 1) // length < samples:
        epochs += 1
    before_last = ((epochs - 1) * num_tokens - 1) // length if epochs > 1 else 0
    in_one_epoch = (num_tokens - 1) // length
    all_samples = (epochs * num_tokens - 1) // length
    if epochs > 1 and samples - before_last < 0.8 * in_one_epoch:
        order = np.concatenate([generator.permutation(before_last),
                                before_last + generator.permutation(all_samples - before_last)])
    else:
        order = generator.permutation(all_samples)
    return order[:samples] * length % num_tokens


def windows(text, starts, length):
    """Inputs and targets [len(starts), length]; a window that passes the end goes on at the beginning."""
    index = (starts[:, None] + np.arange(length + 1)) % len(text)
    window = torch.from_numpy(text[index])
    return window[:, :-1], window[:, 1:]


@torch.no_grad()
def mean_loss(model, text, starts, length):
    total = 0.0
    for chunk in np.array_split(starts, max(1, len(starts) // 128)):
        inputs, targets = windows(text, chunk, length)
        total += F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), reduction="sum").item()
    return total / (len(starts) * length)


def learning_rate(step, options):
    """Of update step + 1, as Megatron's cosine with warm-up: the first update has zero."""
    if step <= options.lr_warmup_iters and options.lr_warmup_iters > 0:
        return options.lr * step / options.lr_warmup_iters
    ratio = (step - options.lr_warmup_iters) / (options.train_iters - options.lr_warmup_iters)
    return options.min_lr + 0.5 * (1 + math.cos(math.pi * ratio)) * (options.lr - options.min_lr)


def main():
    options = parse_options()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    generator = np.random.default_rng(options.seed)
    data = np.frombuffer(options.text.read_bytes(), dtype=np.uint8).astype(np.int64)
    split = int(0.9 * len(data))
    train, validation = data[:split], data[split:]
    length, batch = options.seq_length, options.batch_size

    if options.order == "epochs":
        starts = epoch_order(len(train), options, generator)
    else:
        starts = generator.integers(0, len(train) - length, batch * options.train_iters)
    whole = np.arange(0, len(validation) - length, length)
    sample = generator.integers(0, len(validation) - length, 20 * batch)

    model = Gpt2(options)
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(
        [dict(params=[p for p in parameters if p.ndim >= 2], weight_decay=options.weight_decay),
         dict(params=[p for p in parameters if p.ndim < 2], weight_decay=0.0)],
        betas=(0.9, options.adam_beta2), eps=1e-8, fused=True)
    if not options.quiet:
        print(f"{sum(p.numel() for p in parameters):,} parameters, {len(train):,} bytes for training, "
              f"{len(validation):,} for validation, torch {torch.__version__}")
    begin, running, count = time.perf_counter(), 0.0, 0
    for step in range(options.train_iters + 1):
        if step % 250 == 0 or step == options.train_iters:
            exact = mean_loss(model, validation, whole, length)
            sampled = mean_loss(model, validation, sample, length)
            if not options.quiet or step == options.train_iters:
                print(f"step {step:5}: validation loss {exact:.4f} (20 random batches: {sampled:.4f}), training loss "
                      f"{running / max(1, count):.4f}, {time.perf_counter() - begin:.0f} s", flush=True)
            running, count = 0.0, 0
        if step == options.train_iters:
            break
        inputs, targets = windows(train, starts[step * batch:(step + 1) * batch], length)
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, options.clip_grad)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, options)
        optimizer.step()
        running, count = running + loss.item(), count + 1


if __name__ == "__main__":
    main()
