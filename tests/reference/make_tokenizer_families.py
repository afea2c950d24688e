#!/usr/bin/env python3
"""Writes the folders of tests/fixtures/tokenizer/ for Unigram, BPE with byte fallback, and SentencePiece models, with the
packages `tokenizers` and `sentencepiece`, the judges of our tokenizers.

    pip install tokenizers==0.23.3 sentencepiece==0.2.1
    tests/reference/make_tokenizer_families.py

Each folder holds a small tokenizer.json or tokenizer.model and cases.json: [{"text", "ids", "decoded"}, ...].
"""
import base64
import io
import json
import random
import tempfile

import sentencepiece
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from make_tokenizer_fixtures import CASES, SENTENCES, corpus, make_folder, random_texts

MARK = "\u2581"
SPECIALS = ["<unk>", "<s>", "</s>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
TEXTS = CASES + SENTENCES + [
    " leading", "  two leading", "a\u2581b", "\u2581", "\u2581\u2581a", "</s>", "a</s> b</s>", " </s>", "<s> <s>a", "x<unk>y", "[new] [new]x",
    "<0x41>", "\ufb01 \u2460 \u3231 \uff21\uff22 \u00c5 A\u030a \uac00 \u1100\u1161", "e\u0301\u0323 q\u0323\u0307", "``quoted''", "\u0130I\u0131 \u1e9e \u03a3",
    "\u200bzero\u200cwidth\ufeff", "龘龘 龘a龘", "日本 日本", "\U00011938 \U00011935\U00011930", "\u32ff", "a\u0345\u0334", "\r\n\r\n", "क्षि",
]
LLAMA_DECODER = decoders.Sequence([decoders.Replace(MARK, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
RULES = [("\ufb01", "fi"), ("\u2460", "1"), ("\uff21", "A"), ("\uff22", "B"), ("e\u0301", "\u00e9"), ("\t", " "), ("\n", " "),
         ("\r", " "), ("\u3000", " "), ("\u00a0", " "), ("\u200b", ""), ("\u3231", "(\u682a)"), ("A\u030a", "\u00c5"), ("\x07", "")]


def special_tokens(contents):
    return [{"id": i, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
             "special": True} for i, content in enumerate(contents)]


def added(id_, content, **flags):
    return {"id": id_, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
            "special": False, **flags}


def write(name, tokenizer, texts):
    folder = make_folder(name)
    document = json.loads(tokenizer.to_str())
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    (folder / "tokenizer.json").write_text(text.replace("],", "],\n").replace("},", "},\n"), encoding="utf-8")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    write_cases(folder, texts, lambda text: tokenizer.encode(text, add_special_tokens=False).ids,
                lambda ids: tokenizer.decode(ids, skip_special_tokens=False))


def write_cases(folder, texts, encode, decode):
    cases = []
    for text in texts:
        ids = encode(text)
        cases.append({"text": text, "ids": ids, "decoded": decode(ids)})
    lines = ",\n".join(json.dumps(case, ensure_ascii=True, separators=(",", ":")) for case in cases)
    (folder / "cases.json").write_text(f"[\n{lines}\n]\n")


def train_bpe(text, vocab_size, alphabet):
    """Tokens and merges over words that begin with the mark."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, min_frequency=2, limit_alphabet=alphabet, show_progress=False,
                                  initial_alphabet=[MARK])
    tokenizer.train_from_iterator(text.split("\n"), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return sorted(model["vocab"], key=model["vocab"].get), model["merges"]


def bpe(tokens, merges, normalizer, pre_tokenizer, decoder, more=(), **options):
    vocab = {token: i for i, token in enumerate(tokens)}
    document = {"version": "1.0", "truncation": None, "padding": None,
                "added_tokens": special_tokens(SPECIALS) + list(more), "normalizer": None, "pre_tokenizer": None,
                "post_processor": None, "decoder": None,
                "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                          "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                          "vocab": vocab, "merges": merges, **options}}
    tokenizer = Tokenizer.from_str(json.dumps(document))
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoder
    return tokenizer


def make_bpe(text):
    tokens, merges = train_bpe(text, 500, 60)
    whole = SPECIALS + BYTES + tokens
    size = len(whole)
    texts = TEXTS + list(random_texts(80, ["</s>", MARK, "[new]"]))
    prepend = normalizers.Sequence([normalizers.Prepend(MARK), normalizers.Replace(" ", MARK)])
    write("llama2", bpe(whole, merges, prepend, None, LLAMA_DECODER,
                        [added(size, "[new]", normalized=True), added(size + 1, "日本", lstrip=True)]), texts)
    first = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    write("mistral", bpe(whole, merges, None, first, LLAMA_DECODER, [added(size, "[new]", rstrip=True)],
                         ignore_merges=True), texts)
    by_space = pre_tokenizers.Split(" ", "merged_with_previous")
    write("gemma", bpe(whole, merges, normalizers.Replace(" ", MARK), by_space,
                       decoders.Sequence([decoders.Replace(MARK, " "), decoders.ByteFallback(), decoders.Fuse()])), texts)
    # No bytes: what is unknown stays so, one by one or fused; and only some bytes.
    never = pre_tokenizers.Metaspace(prepend_scheme="never", split=True)
    write("unknown", bpe(SPECIALS + tokens, merges, normalizers.Nmt(), never, decoders.Metaspace(prepend_scheme="never"),
                         byte_fallback=False, fuse_unk=False), texts)
    some = SPECIALS + BYTES[:0xE0] + tokens
    write("some_bytes", bpe(some, merges, None, pre_tokenizers.Metaspace(), decoders.Metaspace()), texts)


def make_words(text):
    """The other steps, over plain characters."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase(), normalizers.StripAccents(),
                                                 normalizers.Strip(), normalizers.NFC()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation("contiguous"),
                                                       pre_tokenizers.Digits(individual_digits=False)])
    tokenizer.train_from_iterator(text.split("\n"), trainers.BpeTrainer(
        vocab_size=300, special_tokens=SPECIALS, limit_alphabet=50, show_progress=False))
    tokenizer.decoder = decoders.Sequence([decoders.Replace("e", "E"), decoders.Fuse()])
    write("words", tokenizer, TEXTS + list(random_texts(80, ["</s>", "!!", "..."])))
    # Bytes spelled by the normalizer, cut by a pattern that joins.
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.ByteLevel()])
    tokenizer.pre_tokenizer = pre_tokenizers.Split("Ġ", "merged_with_next")
    tokenizer.train_from_iterator(text.split("\n"), trainers.BpeTrainer(
        vocab_size=450, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    tokenizer.decoder = decoders.ByteLevel()
    write("byte_normalizer", tokenizer, TEXTS + list(random_texts(60, ["<|endoftext|>"])))


def charsmap(text):
    """The compiled form of RULES, by way of a SentencePiece model that is thrown away."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv", encoding="utf-8") as rules:
        for source, target in RULES:
            rules.write(" ".join(f"{ord(c):X}" for c in source) + "\t" + " ".join(f"{ord(c):X}" for c in target) + "\n")
        rules.flush()
        model = train_sentencepiece(text, model_type="unigram", vocab_size=200, normalization_rule_tsv=rules.name)
    from sentencepiece import sentencepiece_model_pb2 as proto
    parsed = proto.ModelProto()
    parsed.ParseFromString(model)
    return model, base64.b64encode(parsed.normalizer_spec.precompiled_charsmap).decode()


def train_sentencepiece(text, **options):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(text.split("\n")), model_writer=model, num_threads=1,
                                             minloglevel=2, character_coverage=0.98, hard_vocab_limit=False, **options)
    return model.getvalue()


def unigram(vocab, normalizer, pre_tokenizer, decoder, specials, byte_fallback=False):
    document = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": special_tokens(specials),
                "normalizer": normalizer, "pre_tokenizer": None, "post_processor": None, "decoder": None,
                "model": {"type": "Unigram", "unk_id": specials.index("<unk>"), "vocab": vocab, "byte_fallback": byte_fallback}}
    tokenizer = Tokenizer.from_str(json.dumps(document))
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoder
    return tokenizer


def make_unigram(text, rules):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(text.split("\n"), trainers.UnigramTrainer(
        vocab_size=400, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False))
    # Characters are left out, and scores are rounded so that many are equal.
    trained = [(token, round(score, 1)) for token, score in json.loads(tokenizer.to_str())["model"]["vocab"][1:]
               if token not in "qzx組木"]
    texts = TEXTS + list(random_texts(80, ["</s>", MARK]))
    precompiled = {"type": "Precompiled", "precompiled_charsmap": rules}
    t5 = ["<pad>", "</s>", "<unk>"]
    vocab = [(token, 0.0) for token in t5] + trained
    write("t5", unigram(vocab, {"type": "Sequence", "normalizers": [
        precompiled, {"type": "Strip", "strip_left": False, "strip_right": True},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": MARK}]},
        pre_tokenizers.Metaspace(), decoders.Metaspace(), t5), texts)
    albert = ["<pad>", "<unk>", "[CLS]", "[SEP]"]
    vocab = [(token, 0.0) for token in albert] + trained
    write("albert", unigram(vocab, {"type": "Sequence", "normalizers": [
        {"type": "Replace", "pattern": {"String": "``"}, "content": '"'},
        {"type": "Replace", "pattern": {"String": "''"}, "content": '"'}, {"type": "NFKD"}, {"type": "StripAccents"},
        {"type": "Lowercase"}, precompiled]},
        pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="first")]),
        decoders.Metaspace(), albert), texts)
    vocab = [(token, 0.0) for token in SPECIALS] + [(token, -30.0) for token in BYTES] + trained
    write("unigram_bytes", unigram(vocab, {"type": "Nmt"}, pre_tokenizers.Metaspace(prepend_scheme="first", split=False),
                                   LLAMA_DECODER, SPECIALS, True), texts)


def write_sentencepiece(name, model, texts):
    folder = make_folder(name)
    (folder / "tokenizer.model").write_bytes(model)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    write_cases(folder, texts, processor.encode, processor.decode)


def make_sentencepiece(text, unigram_model):
    texts = [text for text in TEXTS + list(random_texts(60, [MARK])) if "\0" not in text]
    write_sentencepiece("sentencepiece_unigram", unigram_model, texts)
    model = train_sentencepiece(text, model_type="bpe", vocab_size=550, byte_fallback=True, split_digits=True,
                                normalization_rule_name="identity", remove_extra_whitespaces=False,
                                allow_whitespace_only_pieces=True)
    write_sentencepiece("sentencepiece_bpe", model, texts)


if __name__ == "__main__":
    random.seed(1)
    TEXT = corpus()
    make_bpe(TEXT)
    make_words(TEXT)
    MODEL, CHARSMAP = charsmap(TEXT)
    make_unigram(TEXT, CHARSMAP)
    make_sentencepiece(TEXT, MODEL)
