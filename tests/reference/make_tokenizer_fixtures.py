#!/usr/bin/env python3
"""Writes tests/fixtures/tokenizer/ with the Hugging Face `tokenizers` package, the judge of our tokenizers.

    pip install tokenizers==0.23.3
    tests/reference/make_tokenizer_fixtures.py

Each folder holds a small tokenizer.json made by the package and cases.json: [{"text" or "hex", "ids"}, ...], where hex is
for bytes that are not UTF-8 and that the package sees after bytes.decode(errors="replace").
"""
import json
import pathlib
import random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

ROOT = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "tokenizer"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")

SENTENCES = [
    "The joiner cuts each piece of wood until it holds the next one without a nail.",
    "She said that they're ready, that it's late, and that we'll see what he'd have done.",
    "In 1868 the workshop had 12 benches; by 2024 it had 3,405 drawings and no more room.",
    "木を組む。釘を使わずに、細い木を一本ずつ組んでいく。",
    "組子は日本の伝統的な木工技術です。光が通ると、壁に影が落ちる。",
    "Größe, naïveté, façade and 10 µm are words with letters beyond ASCII.",
    "for (int i = 0; i < size; ++i) {\n    total += values[i] * weights[i];\n}",
    "def mean(values):\n    return sum(values) / len(values)  # of a list\n",
    "Прямая линия короче, чем кажется.",
    "A lattice lets the light through 🙂 and keeps the wind out 👍🏽.",
]

CASES = [
    "", " ", "  ", "\n", "a", "Hello, world!", "hello  world", "trailing spaces     ", "   leading", "a   b",
    "tabs\t\tand\n\nlines\n", "\r\n", "one\r\ntwo\r\n\r\nthree", "\n\n\n  indented\n    more", " \n ", "x\n\n\ny", "x \n y",
    "it's IT'S we're WE'RE they'll I'd i'M 've 'Ve '", "''s 'ss '\u017f 'll'll don't.", "1 12 123 1234 12345 1234567890",
    "3.14159 1,000,000 2024-11-21", "\u00bd \u2167 \u0664\u0665\u0666\u0667 \u4e09",
    "木を組む。", "日本語とEnglishを混ぜる", "カタカナ ｶﾀｶﾅ 漢字　全角空白", "👩‍👩‍👧‍👦 👍🏽 🇯🇵 ❤️ \u200d", "e\u0301 e\u0301e\u0301 \u00e9",
    "def f(x):\n\treturn x**2 # ok\n", "#include <vector>\nstd::vector<int> v{1,2,3};", "!!!??? -- ... (([[{{",
    "?\n\n!\r\n", "a\u0085b", "a\u00a0b", " \u00a0 ", "a\u180eb", "\u180e", "\u2028\u2029x", "\u3000\u3000x", "\x00\x01\x7f",
    "\ufeffbom", "\ufffd", "\U0010ffff", "supercalifragilisticexpialidocious " * 20, "a" * 1000, "ab" * 500,
    "=" * 300, " " * 300 + "x", "\n" * 100, "the the the the the", "\U000105c0\u1c89 \ua7cb",
    "<|endoftext|>", "<|endoftext|><|endoftext|>", "a<|endoftext|>b", " <|endoftext|> ", "<|endoftext|", "<<|endoftext|>>",
    "<|endoftext|>\n<|endoftext|>\n", "<|end<|endoftext|>oftext|>",
]
ADDED_CASES = [
    "<|left|> a  <|left|>b \n<|left|>", "<|right|>  b<|right|>\n c<|right|>", "<|both|>  <|both|> x <|both|>", "  <|both|>",
    "word aword worda word. (word) 1word word_ word\u0301 \u24d0word word", "<|left|><|right|>  <|left|>",
    "<|long|><|longer|><|longest|", "<|longer|", "<|normal|> <|normal|>x", "<|plain|> <|normal|><|plain|>", "日本<|日本|>日本",
    "<|left|>\u3000<|left|>", "x\u00a0<|left|>",
]


def random_texts(count, specials):
    draw = random.Random(20240607)
    pieces = ["'s", "'RE", "  ", "   \n", "\r\n", "\n\n", "\t", "\u0085", "\u00a0", "\u3000", "123", "4567", "é", "日本語", "👍🏽",
              " a", " '", " 1", "the", "ing", "!!!", "?\n"] + specials
    for _ in range(count):
        text = ""
        for _ in range(draw.randrange(1, 60)):
            kind = draw.random()
            if kind < 0.45:
                text += draw.choice(pieces)
            elif kind < 0.75:
                text += chr(draw.randrange(32, 127))
            elif kind < 0.85:
                text += chr(draw.choice([draw.randrange(0x300), draw.randrange(0x2000, 0x2070), draw.randrange(0x3000, 0x3100)]))
            else:
                code = draw.randrange(0x110000)
                text += "x" if 0xD800 <= code < 0xE000 else chr(code)
        yield text


def random_bytes(count):
    draw = random.Random(7)
    leads = [0x80, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF]
    yield from (b"\xff", b"\xe3\x81", b"a\xe3\x81b", b"\xed\xa0\x80", b"\xf0\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf",
                b"\xf0\x9f\x91", b"\xf0\x9f\x91 \xf0\x9f", b"\xe6\x97\xa5\xe6\x9c")
    for _ in range(count):
        yield bytes(draw.choice([draw.choice(leads), draw.randrange(0x80, 0xC0), draw.randrange(0x20, 0x7F), draw.randrange(256)])
                    for _ in range(draw.randrange(1, 40)))


def write_cases(folder, tokenizer, texts):
    cases = []
    for text in texts:
        cases.append({"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids})
    for data in random_bytes(60):
        text = data.decode("utf-8", errors="replace")
        cases.append({"hex": data.hex(), "ids": tokenizer.encode(text, add_special_tokens=False).ids})
    lines = ",\n".join(json.dumps(case, ensure_ascii=True, separators=(",", ":")) for case in cases)
    (folder / "cases.json").write_text(f"[\n{lines}\n]\n")


def make_folder(name):
    folder = ROOT / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def corpus():
    """Sentences, and made-up words over few letters: these give many ties, and merges whose result is already a token."""
    draw = random.Random(3)
    words = ["".join(draw.choice("aab") for _ in range(draw.randrange(2, 12))) for _ in range(150)]
    words += ["".join(draw.choice("nostreil") for _ in range(draw.randrange(2, 9))) for _ in range(300)]
    text = ""
    for _ in range(120):
        text += draw.choice(SENTENCES) + draw.choice(["\n", "\n\n", " ", "  \n"])
        text += " ".join(draw.choice(words) for _ in range(12)) + ".\n"
    return text


def train(text, vocab_size, min_frequency, specials, pre_tokenizer):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, min_frequency=min_frequency, special_tokens=specials,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def make_gpt2(text):
    folder = make_folder("gpt2")
    (folder / "corpus.txt").write_text(text)
    tokenizer = train(text, 700, 2, ["<|endoftext|>", "<|日本|>"], pre_tokenizers.ByteLevel(add_prefix_space=False))
    tokenizer.save(str(folder / "tokenizer.json"))
    write_cases(folder, tokenizer, CASES + SENTENCES + list(random_texts(150, ["<|endoftext|>"])))
    tokenizer.model.save(str(make_folder("gpt2_pair")))
    # Special tokens that merges make again, until no pair is left.
    everything = train(text, 100000, 1, ["aab", "aba", "baab", "st", "ter"], pre_tokenizers.ByteLevel(add_prefix_space=False))
    merges = json.loads(everything.to_str())["model"]["merges"]
    (folder / "all_merges.txt").write_text("".join(f"{left} {right}\n" for left, right in merges))


def make_llama3(text):
    folder = make_folder("llama3")
    steps = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
                                     pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer = train(text, 600, 2, ["<|begin_of_text|>", "<|end_of_text|>"], steps)
    document = json.loads(tokenizer.to_str())
    # Tokens that no merge makes, so that ignore_merges matters.
    for token in ["Ġignored", "zqx", "123"]:
        document["model"]["vocab"][token] = len(document["model"]["vocab"])
    document["model"]["ignore_merges"] = True
    tokenizer = Tokenizer.from_str(json.dumps(document))
    tokenizer.save(str(folder / "tokenizer.json"))
    texts = CASES + ["ignored", " ignored zqx zqxx", "<|begin_of_text|>Hi<|end_of_text|>"] + SENTENCES
    write_cases(folder, tokenizer, texts + list(random_texts(150, ["<|end_of_text|>", "'\u017f", "zqx"])))


def make_added(text):
    folder = make_folder("added")
    tokenizer = train(text, 400, 2, ["<|endoftext|>"], pre_tokenizers.ByteLevel(add_prefix_space=False))
    tokenizer.add_special_tokens([AddedToken("<|left|>", lstrip=True), AddedToken("<|right|>", rstrip=True),
                                  AddedToken("<|both|>", lstrip=True, rstrip=True), "<|long|>", "<|longer|>", "<|longest|>",
                                  "<|日本|>"])
    tokenizer.add_tokens([AddedToken("word", single_word=True), AddedToken("<|normal|>", normalized=True),
                          AddedToken("<|plain|>", normalized=False)])
    tokenizer.save(str(folder / "tokenizer.json"))
    specials = ["<|left|>", "<|right|>", "<|both|>", "word", "<|longer|>", "<|normal|>", "<|plain|>"]
    write_cases(folder, tokenizer, ADDED_CASES + list(random_texts(150, specials)))


def make_steps(text):
    """Every kind of step: Split by string and by pattern, removed and isolated, Digits, a space in front."""
    folder = make_folder("steps")
    steps = pre_tokenizers.Sequence([pre_tokenizers.Split("#", "removed"),
                                     pre_tokenizers.Split(Regex(r"[A-Z]+(?=[^A-Z]|$)"), "isolated"),
                                     pre_tokenizers.Split(Regex(r"[^*]+"), "removed", invert=True),
                                     pre_tokenizers.Split("--", "isolated"),
                                     pre_tokenizers.Digits(individual_digits=True),
                                     pre_tokenizers.ByteLevel(add_prefix_space=True)])
    tokenizer = train(text, 400, 2, ["<|endoftext|>"], steps)
    tokenizer.save(str(folder / "tokenizer.json"))
    texts = CASES + ["##a#b##", "***a*b**", "a--b----c-", "ABCdEF G", "12ab34"] + SENTENCES
    write_cases(folder, tokenizer, texts + list(random_texts(100, ["#", "*", "--", "ABC"])))


if __name__ == "__main__":
    TEXT = corpus()
    make_gpt2(TEXT)
    make_llama3(TEXT)
    make_added(TEXT)
    make_steps(TEXT)
