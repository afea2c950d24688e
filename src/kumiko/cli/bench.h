// The parts of `kumiko bench`, one file each.
#pragma once

namespace CLI {
class App;
}

namespace kumiko {

void add_bench_kernels(CLI::App& bench);
void add_bench_comm(CLI::App& bench);
void add_bench_machine(CLI::App& bench);
void add_bench_pipeline(CLI::App& bench);
void add_bench_scaling(CLI::App& bench);
void add_bench_step(CLI::App& bench);
void add_bench_tokenizer(CLI::App& bench);

}  // namespace kumiko
