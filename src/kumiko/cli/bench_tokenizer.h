#pragma once

namespace CLI {
class App;
}

namespace kumiko {

// Adds `kumiko bench tokenizer`.
void add_bench_tokenizer(CLI::App& bench);

}  // namespace kumiko
