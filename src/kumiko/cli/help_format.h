// How the help of all subcommands is laid out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace kumiko {

// Each line of `help` that takes more than `width` columns, broken at spaces; the rest goes on below the description
// (the text behind two or more spaces) or, without one, below the line's own beginning.
std::string wrap_help(std::string_view help, size_t width);

// The help of `app` and of subcommands that are added later fits the screen, or 80 columns if that is wider or there is
// none.
void wrap_help_of(CLI::App& app);

}  // namespace kumiko
