#pragma once

namespace CLI {
class App;
}

namespace kumiko {

// Adds `kumiko bench comm`.
void add_bench_comm(CLI::App& bench);

}  // namespace kumiko
