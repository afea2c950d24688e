// What a generator makes of models that say one thing, of weights and records that are broken, and of long prompts.
#include "kumiko/generate/generator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "checkpoint/directories.h"
#include "generate/saved_model.h"
#include "kumiko/base/file.h"

namespace kumiko {
namespace {

// The tokenizer has 700 ids, and the model more.
constexpr int32_t begin_id = 705;
constexpr int32_t hole = 702;

ModelOptions tiny_llama() {
  ModelOptions options;
  options.architecture = Architecture::llama;
  options.num_layers = 1;
  options.hidden_size = 8;
  options.num_attention_heads = 2;
  options.ffn_hidden_size = 8;
  options.vocab_size = 710;
  options.max_position_embeddings = 12;
  options.untie_embeddings_and_output_weights = true;
  return options;
}

void fill(const Parameter& parameter, float value) {
  std::fill_n(parameter.value.data<float>(), parameter.value.num_elements(), value);
}

bool is_named(const Parameter& parameter, std::string_view part) {
  return parameter.parts[0].name.find(part) != std::string::npos;
}

// Nothing but the embedding reaches the head, which wants the first of these most, then the second, and so on.
test::SavedModel always(const std::vector<int32_t>& tokens) {
  return {[tokens](const Parameter& parameter) {
            const bool ones =
                parameter.initializer.kind == Initializer::Kind::ones || is_named(parameter, "embedding.token");
            fill(parameter, ones ? 1 : 0);
            if (!is_named(parameter, "head.weight")) return;
            for (size_t i = 0; i < tokens.size(); ++i) {
              std::fill_n(parameter.value.data<float>() + tokens[i] * 8, 8, static_cast<float>(tokens.size() - i));
            }
          },
          {}};
}

class GeneratorTest : public testing::Test {
 protected:
  // Byte-level BPE with <|endoftext|> and a token that begins texts, which stands behind ids that no token has.
  GeneratorTest() {
    auto json =
        nlohmann::json::parse(read_text_file(std::filesystem::path(KUMIKO_FIXTURES) / "tokenizer/gpt2/tokenizer.json"));
    json["added_tokens"][1]["id"] = begin_id;
    json["added_tokens"][1]["content"] = "<s>";
    json["model"]["vocab"].erase("<|日本|>");
    json["model"]["vocab"]["<s>"] = begin_id;
    json["post_processor"] = {
        {"type", "TemplateProcessing"},
        {"single",
         {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}}, {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
        {"pair", nlohmann::json::array()},
        {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {begin_id}}, {"tokens", {"<s>"}}}}}}};
    write_text(directory_ / "tokenizer.json", json.dump());
  }

  std::unique_ptr<Generator> open(const test::SavedModel& saved, const ModelOptions& options = tiny_llama()) {
    test::save_model(options, directory_ / "run", saved);
    ParallelOptions parallel;
    parallel.num_threads = 1;
    return std::make_unique<Generator>(directory_ / "run", directory_ / "tokenizer.json", parallel, *world_);
  }
  Generated run(Generator& generator, std::string_view prompt, SamplingOptions options = {}) {
    options.max_new_tokens = 30;
    text_.clear();
    return generator.generate(prompt, options, 0, [&](std::string_view piece) { text_ += piece; });
  }
  std::string error_of(const test::SavedModel& saved, const ModelOptions& options = tiny_llama()) {
    try {
      run(*open(saved, options), "x");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::user);
      return error.what();
    }
    return "no error";
  }

  TestDirectory directory_{"generator"};
  std::unique_ptr<World> world_ = connect_self_world();
  std::string text_;
};

TEST_F(GeneratorTest, NeverMakesAnIdThatNoTokenHas) {
  const int32_t letter = load_tokenizer(directory_ / "tokenizer.json").encode("k").at(0);
  const auto generator = open(always({hole, 707, 1, letter}));
  for (const double temperature : {0.0, 0.01}) {
    EXPECT_EQ(run(*generator, "x", {.temperature = temperature}).num_tokens, 30);
    EXPECT_EQ(text_, std::string(30, 'k'));
  }
}

TEST_F(GeneratorTest, NamesTheCheckpointWhoseLogitsAreNoNumbers) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const std::string message = error_of({[&](const Parameter& parameter) {
                                            if (is_named(parameter, "head.weight"))
                                              parameter.value.data<float>()[5 * 8 + 3] = bad;
                                          },
                                          {}});
    EXPECT_NE(message.find((directory_ / "run").string()), std::string::npos) << message;
    EXPECT_NE(
        message.find("for token 1 of the text to make, the model gives a logit of token id 5 that is not a finite "
                     "number (NaN or infinite)"),
        std::string::npos)
        << message;
    EXPECT_NE(error_of({[&](const Parameter& parameter) { fill(parameter, bad); }, {}}).find("logit of token id 0"),
              std::string::npos);
  }
}

TEST_F(GeneratorTest, KeepsTheTokenThatBeginsTextsInALongPrompt) {
  const auto generator = open({});
  const std::string prompt(40, '\t');
  const Generated all = run(*generator, prompt);
  EXPECT_EQ(all.prompt_tokens, 41);
  EXPECT_EQ(all.left_out, 29);
  const std::string text = text_;
  EXPECT_EQ(run(*generator, std::string(11, '\t')).left_out, 0);
  EXPECT_EQ(text_, text) << "the model read something else than <s> and the last eleven";
  generator->leave_out_begin_of_text();
  EXPECT_EQ(run(*generator, std::string(12, '\t')).left_out, 0);
  EXPECT_NE(text_, text);
}

TEST_F(GeneratorTest, NamesTheOptionOfADamagedRecord) {
  const auto message = [&](const std::string& name, const std::string& value) {
    return error_of({{}, [&](std::string& config) {
                       const size_t begin = config.find("\n" + name + " = ") + 1;
                       config.replace(begin, config.find('\n', begin) - begin, name + " = " + value);
                     }});
  };
  const std::string damaged =
      ": the record of the training run in its manifest is damaged or of another program: model.";
  for (const char* name :
       {"num_layers", "hidden_size", "num_attention_heads", "vocab_size", "max_position_embeddings"}) {
    EXPECT_NE(message(name, "0").find(damaged + name + " = 0: expected 1 or more"), std::string::npos)
        << message(name, "0");
    EXPECT_NE(message(name, "-7").find(damaged + name + " = -7: expected 1"), std::string::npos) << message(name, "-7");
    EXPECT_NE(message(name, "1000000000000").find(damaged + name + " = 1000000000000: expected 1 to 2147483648"),
              std::string::npos)
        << message(name, "1000000000000");
  }
  EXPECT_NE(message("num_layers", "60000").find("num_layers = 60000: such a model has more than the"),
            std::string::npos);
  EXPECT_NE(message("vocab_size", "100000000").find("vocab_size = 100000000: such a model"), std::string::npos);
  EXPECT_NE(message("ffn_hidden_size", "100000000").find("ffn_hidden_size = 100000000: such a model"),
            std::string::npos);
  EXPECT_NE(error_of({{}, [](std::string& config) { config.clear(); }}).find(damaged + "vocab_size = 0"),
            std::string::npos);
}

}  // namespace
}  // namespace kumiko
