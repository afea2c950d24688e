#!/usr/bin/env python3
"""Makes tests/fixtures/gpt2/: what PyTorch computes for small GPT-2 models, in float32 and in float64.

The model is transformers' GPT2LMHeadModel, the optimizer torch.optim.AdamW, the clipping torch's clip_grad_norm_: none
of it is ours. Masks, positions and losses of documents in one sample are megatron-core's. Run from anywhere, in an
environment with torch, transformers, numpy, safetensors and megatron-core:

    python tests/reference/make_gpt2_fixtures.py

Each model gives three files, NAME.json (settings, losses, gradient norms), NAME.f32.safetensors and
NAME.f64.safetensors. tests/fixtures/gpt2/README.txt, also written here, says what they hold.
"""

import json
import pathlib

import numpy as np
import safetensors.torch
import torch
import transformers

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "gpt2"

# Sizes that are multiples of no vector length, and heads that don't divide by two, on purpose.
MODELS = {
    "tied": dict(num_layers=2, num_heads=3, hidden_size=36, ffn_hidden_size=144, vocab_size=211,
                 max_position_embeddings=32, tied=True, batch=2, sequence=24, seed=9),
    "untied": dict(num_layers=1, num_heads=2, hidden_size=14, ffn_hidden_size=30, vocab_size=61,
                   max_position_embeddings=12, tied=False, batch=3, sequence=11, seed=9),
    # Several documents a sample, which token 0 ends: attention, positions and losses are reset at each.
    "documents": dict(num_layers=2, num_heads=2, hidden_size=14, ffn_hidden_size=30, vocab_size=41,
                      max_position_embeddings=25, tied=True, batch=3, sequence=25, seed=9, end_of_document=0),
}
OPTIMIZER = dict(lr=1e-3, beta1=0.9, beta2=0.95, eps=1e-8, weight_decay=0.1, clip_grad=1.0)
NUM_STEPS = 10
LAYER_NORM_EPSILON = 1e-5

README = """What PyTorch computes for small GPT-2 models; made by tests/reference/make_gpt2_fixtures.py with
torch {torch}, transformers {transformers}, numpy {numpy}, safetensors {safetensors} on a CPU.

NAME is tied (the head is embedding.token), untied (head.weight [V, H] of its own) or documents (tied; samples of several
documents, which token 0 ends, with megatron-core's reset attention masks and positions; targets of -1 count for
nothing, as with its eod_mask_loss, and losses are means over the others).
NAME.json              sizes, optimizer settings, and for f32 and f64 the loss and the gradient norm of each step
NAME.f32.safetensors   tokens, targets [steps, batch, sequence] (i32); weights/*: the start, exact in both precisions;
                       then computed in float32: logits [batch, sequence, V] and gradients/* of batch 0 at the start,
                       final/*: the weights after {steps} steps
NAME.f64.safetensors   logits, gradients/* and final/* computed in float64 from the same start

A step takes batch i, the mean of the token cross-entropies, clips the gradients to a global norm of 1 (the recorded
norm is the one before), and applies AdamW; weight decay is on the tensors of two dims (both embeddings, linear weights,
head), not on biases and norms. The loss of step i is the one before its update.

Names are Kumiko's; linear weights are [out, in]; the rows of attention.qkv are all query heads, all key heads, all
value heads.

Do not compare rows H .. 2 H - 1 of final/block.N.attention.qkv.bias in float32: adding a vector to every key shifts all
scores of a query alike, so the exact gradient is zero, what is computed is rounding noise, and Adam scales that up to
steps of the size of lr. Nothing else depends on those rows. In float64 the noise is far below eps. For the rest the
seeds were chosen so that no gradient that matters comes near enough to zero for Adam to do the same: float32 and
float64 agree to {final:.1e} of the norm in every other final tensor, {loss:.1e} in every loss and {norm:.1e} in every
gradient norm.
"""


def random_weights(settings):
    """Our names to f32 arrays: far from an initialization, so that every term of every gradient matters."""
    hidden, ffn = settings["hidden_size"], settings["ffn_hidden_size"]
    generator = np.random.default_rng(settings["seed"])
    weights = {}

    def add(name, shape, scale, mean=0.0):
        weights[name] = (mean + scale * generator.standard_normal(shape)).astype(np.float32)

    def add_norm(name):
        add(name + ".weight", [hidden], 0.2, mean=1.0)
        add(name + ".bias", [hidden], 0.1)

    def add_linear(name, num_outputs, num_inputs, gain):
        add(name + ".weight", [num_outputs, num_inputs], gain / num_inputs**0.5)
        add(name + ".bias", [num_outputs], 0.1)

    add("embedding.token", [settings["vocab_size"], hidden], 0.15)
    add("embedding.position", [settings["max_position_embeddings"], hidden], 0.1)
    for block in range(settings["num_layers"]):
        prefix = f"block.{block}."
        add_norm(prefix + "attention_norm")
        add_linear(prefix + "attention.qkv", 3 * hidden, hidden, 1.4)  # scores of standard deviation about 2
        add_linear(prefix + "attention.output", hidden, hidden, 0.8)
        add_norm(prefix + "mlp_norm")
        add_linear(prefix + "mlp.up", ffn, hidden, 1.0)
        add_linear(prefix + "mlp.down", hidden, ffn, 0.8)
    add_norm("final_norm")
    if not settings["tied"]:
        add("head.weight", [settings["vocab_size"], hidden], 0.25)
    return weights


def our_name(name):
    """transformers' parameter name to ours, and whether it is a Conv1D weight, stored [in, out]."""
    for theirs, ours in [("transformer.", ""), ("wte.weight", "embedding.token"), ("wpe.weight", "embedding.position"),
                         ("h.", "block."), ("ln_1", "attention_norm"), ("ln_2", "mlp_norm"), ("ln_f", "final_norm"),
                         ("attn.c_attn", "attention.qkv"), ("attn.c_proj", "attention.output"),
                         ("mlp.c_fc", "mlp.up"), ("mlp.c_proj", "mlp.down"), ("lm_head", "head")]:
        name = name.replace(theirs, ours)
    is_linear = any(part in name for part in ["qkv", "output", "up", "down"])
    return name, is_linear and name.endswith(".weight")


def make_model(settings, weights, dtype):
    config = transformers.GPT2Config(
        vocab_size=settings["vocab_size"], n_positions=settings["max_position_embeddings"],
        n_embd=settings["hidden_size"], n_layer=settings["num_layers"], n_head=settings["num_heads"],
        n_inner=settings["ffn_hidden_size"], activation_function="gelu_new", resid_pdrop=0.0, embd_pdrop=0.0,
        attn_pdrop=0.0, layer_norm_epsilon=LAYER_NORM_EPSILON, tie_word_embeddings=settings["tied"],
        bos_token_id=None, eos_token_id=None, attn_implementation="eager")
    model = transformers.GPT2LMHeadModel(config).to(dtype)
    unused = set(weights)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            ours, transposed = our_name(name)
            weight = torch.from_numpy(weights[ours])
            parameter.copy_(weight.T if transposed else weight)
            unused.remove(ours)
    assert not unused, unused
    return model.train()


def snapshot(model, prefix, value):
    """value(parameter) of every parameter under our names and layout."""
    result = {}
    for name, parameter in model.named_parameters():
        ours, transposed = our_name(name)
        tensor = value(parameter).detach()
        result[prefix + ours] = (tensor.T if transposed else tensor).contiguous().clone()
    return result


def keep_documents_apart(settings, tokens, targets):
    """Arguments for the model, one set a step, and the targets, -1 where the loss is masked."""
    from megatron.core.datasets.gpt_dataset import _get_ltor_masks_and_position_ids

    arguments, targets = [], targets.clone()
    for step in range(NUM_STEPS):
        masks = []
        for sample, target in zip(tokens[step], targets[step]):
            hidden, weights, positions = _get_ltor_masks_and_position_ids(
                sample.long(), settings["end_of_document"], True, True, True, True)
            target[weights == 0] = -1
            masks.append((hidden, positions))
        hidden = torch.stack([mask[0] for mask in masks])
        arguments.append(dict(attention_mask=hidden, position_ids=torch.stack([mask[1] for mask in masks])))
    return arguments, targets


def run(settings, weights, tokens, targets, arguments, dtype):
    model = make_model(settings, weights, dtype)
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(
        [dict(params=[p for p in parameters if p.ndim >= 2], weight_decay=OPTIMIZER["weight_decay"]),
         dict(params=[p for p in parameters if p.ndim < 2], weight_decay=0.0)],
        lr=OPTIMIZER["lr"], betas=(OPTIMIZER["beta1"], OPTIMIZER["beta2"]), eps=OPTIMIZER["eps"], foreach=False)
    tensors, losses, norms = {}, [], []
    for step in range(NUM_STEPS):
        more = dict(arguments[step]) if arguments else {}
        if more:  # [batch, 1, sequence, sequence], added to the scores
            lowest = torch.finfo(dtype).min
            more["attention_mask"] = torch.zeros(more["attention_mask"].shape, dtype=dtype).masked_fill(
                more["attention_mask"], lowest)
        logits = model(input_ids=tokens[step].long(), use_cache=False, **more).logits
        assert logits.dtype == dtype
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets[step].long().flatten(),
                                                 ignore_index=-1)
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            tensors["logits"] = logits.detach().clone()
            tensors.update(snapshot(model, "gradients/", lambda parameter: parameter.grad))
        norms.append(torch.nn.utils.clip_grad_norm_(parameters, OPTIMIZER["clip_grad"]).item())
        losses.append(loss.item())
        optimizer.step()
    tensors.update(snapshot(model, "final/", lambda parameter: parameter))
    return tensors, losses, norms


def measure_agreement(agreement, single, double):
    """Raises each figure of `agreement` to the largest relative difference between the two runs."""
    for name, exact in double[0].items():
        if name.startswith("final/") and not name.endswith("qkv.bias"):
            difference = (single[0][name].double() - exact).norm() / exact.norm()
            agreement["final"] = max(agreement["final"], difference.item())
    for index, figure in [(1, "loss"), (2, "norm")]:
        difference = max(abs(a / b - 1) for a, b in zip(single[index], double[index]))
        agreement[figure] = max(agreement[figure], difference)


def main():
    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    agreement = dict(final=0.0, loss=0.0, norm=0.0)
    for name, settings in MODELS.items():
        weights = random_weights(settings)
        generator = np.random.default_rng(settings["seed"] + 100)
        shape = [NUM_STEPS, settings["batch"], settings["sequence"]]
        tokens = torch.from_numpy(generator.integers(0, settings["vocab_size"], shape, dtype=np.int32))
        targets = torch.from_numpy(generator.integers(0, settings["vocab_size"], shape, dtype=np.int32))
        arguments = None
        if "end_of_document" in settings:
            tokens[torch.from_numpy(generator.random(shape) < 0.15)] = settings["end_of_document"]
            arguments, targets = keep_documents_apart(settings, tokens, targets)
        record = dict(model=settings | dict(layer_norm_epsilon=LAYER_NORM_EPSILON), optimizer=OPTIMIZER,
                      num_steps=NUM_STEPS)
        single = None
        for suffix, dtype in [("f32", torch.float32), ("f64", torch.float64)]:
            tensors, losses, norms = run(settings, weights, tokens, targets, arguments, dtype)
            if suffix == "f32":
                tensors |= {"weights/" + key: torch.from_numpy(value) for key, value in weights.items()}
                tensors |= dict(tokens=tokens, targets=targets)
            safetensors.torch.save_file(tensors, FOLDER / f"{name}.{suffix}.safetensors")
            record[suffix] = dict(losses=losses, gradient_norms=norms)
            if suffix == "f32":
                single = tensors, losses, norms
            else:
                measure_agreement(agreement, single, (tensors, losses, norms))
        (FOLDER / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    (FOLDER / "README.txt").write_text(README.format(
        steps=NUM_STEPS, torch=torch.__version__, transformers=transformers.__version__, numpy=np.__version__,
        safetensors=safetensors.__version__, **agreement))


if __name__ == "__main__":
    main()
