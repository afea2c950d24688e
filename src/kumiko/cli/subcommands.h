// One file a subcommand: each adds itself, with its options and what it does, to the application. Subcommands hold no
// logic of their own: they turn arguments into the options of a lower room, and call it.
#pragma once

namespace CLI {
class App;
}

namespace kumiko {

void add_train_command(CLI::App& app);
void add_generate_command(CLI::App& app);
void add_tokenizer_command(CLI::App& app);
void add_data_command(CLI::App& app);
void add_bench_command(CLI::App& app);
void add_inspect_command(CLI::App& app);
void add_convert_command(CLI::App& app);
void add_schedule_command(CLI::App& app);

}  // namespace kumiko
