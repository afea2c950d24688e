#include "kumiko/cli/text_input_flags.h"

#include <map>

#include "kumiko/cli/choice.h"

namespace kumiko {

void add_text_input_flags(CLI::App& command, TextInput& input) {
  command.add_option("--input", input.files, "Text or JSON files, also packed; - for standard input")->required();
  const std::map<std::string, TextFormat> formats = {{"auto", TextFormat::automatic},
                                                     {"text", TextFormat::text},
                                                     {"jsonl", TextFormat::jsonl},
                                                     {"json", TextFormat::json}};
  command.add_option("--format", input.format, "auto (by content), text, jsonl, or json (any layout)")
      ->transform(choice(formats))
      ->default_str("auto");
  command.add_option("--json-key", input.json_key, "Where the text is in JSON; a.b for b in a")
      ->default_str(TextInput::default_json_key);
  const std::map<std::string, InvalidUtf8> rules = {
      {"auto", InvalidUtf8::automatic}, {"replace", InvalidUtf8::replace}, {"fail", InvalidUtf8::fail}};
  command.add_option("--invalid-utf8", input.invalid_utf8, "replace, fail, or auto: replace few, refuse many")
      ->transform(choice(rules))
      ->default_str("auto");
  command.add_flag("--skip-bad-lines", input.skip_bad_lines, "Leave out and count JSON without text or broken");
}

}  // namespace kumiko
