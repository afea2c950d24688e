// The options of all commands that read many texts.
#pragma once

#include <CLI/CLI.hpp>

#include "kumiko/text/text_input.h"

namespace kumiko {

// `input` must outlive the command. --split-on is for data build alone: see there.
void add_text_input_flags(CLI::App& command, TextInput& input);

}  // namespace kumiko
