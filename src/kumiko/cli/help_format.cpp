#include "kumiko/cli/help_format.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "kumiko/base/text.h"
#include "kumiko/base/text_width.h"
#include "kumiko/train/terminal.h"

namespace kumiko {
namespace {

constexpr size_t least_width = 40;
constexpr size_t most_width = 80;

// Where the lines that follow `line` begin: at its description, if that begins in the left half of the screen.
size_t hanging_indent(std::string_view line, size_t width) {
  constexpr size_t description_of_option = 28;  // CLI11's column, from the option's first dash
  const size_t indent = std::min(line.find_first_not_of(' '), line.size());
  const size_t column = indent + description_of_option;
  const size_t gap = line.find("  ", indent);
  size_t begin = gap == std::string_view::npos ? gap : line.find_first_not_of(' ', gap);
  // A name that leaves one space only.
  if (begin > column && line[indent] == '-' && column < line.size() && line[column - 1] == ' ') begin = column;
  if (begin == std::string_view::npos) begin = indent;
  return begin <= width / 2 ? begin : std::min(indent, width / 2);
}

class WrappedHelp : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    const std::string help = CLI::Formatter::make_help(app, std::move(name), mode);
    if (mode == CLI::AppFormatMode::Sub) return help;  // the whole is wrapped at the end
    return wrap_help(help, std::clamp(Terminal::detect().width(), least_width, most_width));
  }
};

}  // namespace

std::string wrap_help(std::string_view help, size_t width) {
  std::string text;
  for (const std::string& line : split(help, '\n')) {
    if (display_width(line) <= width) {
      text += line + '\n';
      continue;
    }
    const size_t indent = hanging_indent(line, width);
    // The first line is as it stands up to the description, whose words are then broken.
    const std::string_view head = std::string_view(line).substr(0, indent);
    const std::vector<std::string> lines = wrap(std::string_view(line).substr(indent), width - indent);
    for (size_t i = 0; i < lines.size(); ++i) {
      text += (i == 0 ? std::string(head) : std::string(indent, ' ')) + lines[i] + '\n';
    }
  }
  text.pop_back();  // split gives what stands behind the last line break too
  return text;
}

void wrap_help_of(CLI::App& app) { app.formatter(std::make_shared<WrappedHelp>()); }

}  // namespace kumiko
