#include "kumiko/train/state_checkpoint.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "kumiko/base/error.h"
#include "kumiko/checkpoint/contents.h"

namespace kumiko {

std::string to_json(const RunRecord& record) {
  nlohmann::ordered_json json = {{"step", record.step},
                                 {"updates", record.updates},
                                 {"consumed_samples", record.consumed_samples},
                                 {"consumed_tokens", record.consumed_tokens},
                                 {"config", record.config}};
  if (record.loss_scale) {
    json["loss_scale"] = {{"scale", record.loss_scale->scale},
                          {"steps_without_overflow", record.loss_scale->steps_without_overflow},
                          {"overflows_left", record.loss_scale->overflows_left}};
  }
  return json.dump();
}

RunRecord run_record_from_json(const std::string& text, const std::string& origin) {
  try {
    const auto json = nlohmann::json::parse(text);
    RunRecord record{json.at("step"),   json.at("updates"), json.at("consumed_samples"), json.at("consumed_tokens"),
                     json.at("config"), std::nullopt};
    if (json.contains("loss_scale")) {
      const auto& scale = json.at("loss_scale");
      record.loss_scale = {scale.at("scale"), scale.at("steps_without_overflow"), scale.at("overflows_left")};
    }
    return record;
  } catch (const nlohmann::json::exception& error) {
    throw_user("{}: the record of the training run is damaged or of another program: {}", origin, error.what());
  }
}

std::vector<SavedPiece> pieces_of(const ParameterRegistry& parameters) {
  std::vector<SavedPiece> pieces;
  for (const auto& parameter : parameters.all()) {
    for (const ParameterPart& part : parameter->parts) {
      pieces.push_back({part.name, part.global_shape, part.box,
                        parameter->value.rows(part.first_row, part.first_row + part.box.size[0]),
                        TensorRole::parameter});
    }
  }
  return pieces;
}

std::vector<SavedPiece> pieces_of(const TrainingState& state) {
  const ParameterRegistry& parameters = state.model.parameters();
  std::vector<SavedPiece> pieces = pieces_of(parameters);
  for (const OptimizerState& memory : state.optimizer->state()) {
    for (const ParameterPart& part : parameters.all()[memory.index]->parts) {
      pieces.push_back({"optimizer." + memory.name + "." + part.name, part.global_shape, part.box,
                        memory.tensor.rows(part.first_row, part.first_row + part.box.size[0]), TensorRole::optimizer});
    }
  }
  return pieces;
}

void load_pieces(CheckpointReader& reader, const std::vector<SavedPiece>& pieces) {
  std::vector<ExpectedTensor> expected;
  for (const SavedPiece& piece : pieces) expected.push_back({piece.name, piece.global_shape, piece.tensor.dtype()});
  check_contents(reader.manifest(), expected, reader.path().string());
  for (const SavedPiece& piece : pieces) reader.load(piece.name, piece.box, piece.tensor);
}

void check_same_run(const RunRecord& record, Config& config, const std::string& origin) {
  // What decides the weights after a given step. Lengths, rates, intervals and places may change between runs.
  constexpr std::array fixed = {"optimizer.optimizer", "train.seq_length", "train.global_batch_size", "train.seed"};
  constexpr std::array free_of_model = {"preset", "hidden_dropout", "attention_dropout", "init_method_std"};
  const auto contains = [](const auto& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  Config saved = parse_config(record.config, origin);
  saved.model.fill_in_sizes();
  const OptionTable then = saved.table();
  const OptionTable now = config.table();
  std::string differences;
  for (size_t i = 0; i < now.options().size(); ++i) {
    const Option& option = now.options()[i];
    const bool same = option.section == "model" ? !contains(free_of_model, option.key) : contains(fixed, option.name());
    if (!same) continue;
    if (option.get() == then.options()[i].get()) continue;
    differences +=
        fmt::format("\n  {}: {} in the checkpoint, {} now", option.name(), then.options()[i].get(), option.get());
  }
  if (differences.empty()) return;
  throw_user(
      "{} is of another run:{}\nGive the options as they were, or train from the start with another "
      "checkpoint.save and no checkpoint.load",
      origin, differences);
}

}  // namespace kumiko
