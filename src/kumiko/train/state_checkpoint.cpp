#include "kumiko/train/state_checkpoint.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "kumiko/base/error.h"
#include "kumiko/base/json_place.h"
#include "kumiko/base/json_text.h"
#include "kumiko/checkpoint/contents.h"
#include "kumiko/train/layout_holdings.h"

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
  if (record.origin) {
    json["origin"] = {{"load", record.origin->load}, {"manifest_checksum", record.origin->manifest_checksum}};
  }
  json["began_anew"] = record.began_anew;
  json["planned_samples"] = record.planned_samples;
  json["tokenizer"] = record.tokenizer;
  json["data"] = record.data;
  // Paths need not be UTF-8.
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

RunRecord run_record_from_json(const std::string& text, const std::string& origin) {
  try {
    const nlohmann::json document = parse_json(text, "");
    const JsonPlace json(document, "");
    RunRecord record{json["step"].size(),
                     json["updates"].size(),
                     json["consumed_samples"].size(),
                     json["consumed_tokens"].size(),
                     json["config"].string(),
                     std::nullopt};
    if (json.has("loss_scale")) {
      const JsonPlace scale = json["loss_scale"];
      record.loss_scale = {scale["scale"].number(), scale["steps_without_overflow"].size(),
                           scale["overflows_left"].integer()};
    }
    if (json.has("origin")) {
      record.origin = RunOrigin{json["origin"]["load"].string(), json["origin"]["manifest_checksum"].string()};
    }
    record.began_anew = json.boolean("began_anew", false);
    if (json.has("planned_samples")) {
      for (const JsonPlace& planned : json["planned_samples"].elements()) {
        record.planned_samples.push_back(planned.size());
      }
    }
    record.tokenizer = json.string("tokenizer", "");
    record.data = json.string("data", "");
    return record;
  } catch (const Error& error) {
    throw_user("{}: the record of the training run is damaged or of another program: {}", origin, error.what());
  }
}

namespace {

// Sizes that could not be those of the checkpoint's tensors, before anything is made in them: a model of 10^12 layers
// takes all memory to describe.
void check_sizes(const ModelOptions& model, const Manifest& manifest) {
  double elements = 0;
  double tensors = 0;
  for (const auto& [name, tensor] : manifest.tensors) {
    if (tensor.role != TensorRole::parameter) continue;
    elements += static_cast<double>(tensor.shape.num_elements());
    ++tensors;
  }
  const auto hidden = static_cast<double>(model.hidden_size);
  const auto check = [](const char* name, int64_t value, double takes, double has, const char* unit) {
    if (takes <= has) return;
    throw_user("model.{} = {}: such a model has more than the {:.0f} {} of weights that the checkpoint holds", name,
               value, has, unit);
  };
  const auto check_rows = [&](const char* name, int64_t value, double copies) {
    check(name, value, static_cast<double>(value) * hidden * copies, elements, "elements");
  };
  const auto layers = static_cast<double>(model.num_layers);
  check("num_layers", model.num_layers, layers, tensors, "tensors");
  check("hidden_size", model.hidden_size, hidden, elements, "elements");
  check_rows("vocab_size", model.vocab_size, 1);
  check_rows("ffn_hidden_size", model.feed_forward_size(), layers);
  check_rows("num_attention_heads", model.num_attention_heads, static_cast<double>(model.head_size()) * layers);
  check_rows("num_query_groups", model.num_kv_heads(), static_cast<double>(model.head_size()) * layers);
  if (model.architecture == Architecture::gpt) check_rows("max_position_embeddings", model.max_position_embeddings, 1);
}

// No size that is meant is beyond this, and no product of two of them overflows.
void check_range(const ModelOptions& model) {
  static constexpr int64_t most = int64_t{1} << 31;
  const auto check = [](const char* name, int64_t value) {
    if (value < 0 || value > most) throw_user("model.{} = {}: expected 1 to {}", name, value, most);
  };
  check("num_layers", model.num_layers);
  check("hidden_size", model.hidden_size);
  check("num_attention_heads", model.num_attention_heads);
  check("num_query_groups", model.num_query_groups);
  check("kv_channels", model.kv_channels);
  check("ffn_hidden_size", model.ffn_hidden_size);
  check("max_position_embeddings", model.max_position_embeddings);
  check("vocab_size", model.vocab_size);
}

}  // namespace

Config config_of(const RunRecord& record, const Manifest& manifest, const std::string& origin) {
  Config config = parse_config(record.config, origin);
  try {
    check_range(config.model);
    config.model.fill_in_sizes();
    config.model.validate();
    check_sizes(config.model, manifest);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::user) throw;
    throw_user("{}: the record of the training run in its manifest is damaged or of another program: {}", origin,
               error.what());
  }
  return config;
}

std::vector<SavedPiece> pieces_of(const ParameterRegistry& parameters, Copies copies) {
  std::vector<SavedPiece> pieces;
  for (const auto& parameter : parameters.all()) {
    if (copies == Copies::first && !parameter->primary) continue;
    for (const ParameterPart& part : parameter->parts) {
      if (copies == Copies::first && parameters.tensor_parallel().rank % part.holders != 0) continue;
      pieces.push_back({part.name, part.global_shape, part.box,
                        parameter->value.rows(part.first_row, part.first_row + part.box.size[0]),
                        TensorRole::parameter});
    }
  }
  return pieces;
}

namespace {

// The boxes of a fragment, whose elements `elements` holds: of its weights, or what the optimizer keeps as `state`.
void add_fragment(std::vector<SavedPiece>& pieces, const ParameterStorage& storage, const OwnedFragment& owned,
                  const std::string& state, const Tensor& elements, Copies copies) {
  if (copies == Copies::first && !storage.parameters().all()[owned.fragment.parameter]->primary) return;
  const int64_t tensor_rank = storage.parameters().tensor_parallel().rank;
  for (const PartBox& held : part_boxes(storage.parameters(), owned.fragment)) {
    if (copies == Copies::first && tensor_rank % held.part->holders != 0) continue;
    pieces.push_back({state.empty() ? held.part->name : optimizer_tensor_name(state, *held.part),
                      held.part->global_shape, held.box,
                      elements.slice(held.in_fragment, held.box.num_elements()).reshaped(held.box.size),
                      state.empty() ? TensorRole::parameter : TensorRole::optimizer});
  }
}

}  // namespace

std::vector<SavedPiece> weight_pieces_of(const TrainingState& state, Copies copies) {
  state.storage->wait_for_weights();
  // Whole weights are whole boxes, whoever updates them.
  const ParameterStorage& storage = *state.storage;
  if (!storage.sharding().divides_weights()) return pieces_of(storage.parameters(), copies);
  std::vector<SavedPiece> pieces;
  for (const OwnedFragment& owned : storage.owned()) {
    add_fragment(pieces, storage, owned, "", owned.weight, copies);
  }
  return pieces;
}

std::vector<SavedPiece> pieces_of(const TrainingState& state, Copies copies) {
  std::vector<SavedPiece> pieces = weight_pieces_of(state, copies);
  for (const OptimizerState& memory : state.optimizer->state()) {
    add_fragment(pieces, *state.storage, state.storage->owned()[memory.index], memory.name, memory.tensor, copies);
  }
  return pieces;
}

void load_pieces(CheckpointReader& reader, const std::vector<SavedPiece>& pieces) {
  std::vector<ExpectedTensor> expected;
  for (const SavedPiece& piece : pieces) expected.push_back({piece.name, piece.global_shape, piece.tensor.dtype()});
  check_contents(reader.manifest(), expected, reader.path().string());
  for (const SavedPiece& piece : pieces) reader.load(piece.name, piece.box, piece.tensor);
}

void check_resumable(const Manifest& manifest, const RunRecord& record, const std::vector<SavedPiece>& pieces,
                     const std::string& origin) {
  const auto optimizer = [](const auto& tensor) { return tensor.role == TensorRole::optimizer; };
  const bool stored = std::any_of(manifest.tensors.begin(), manifest.tensors.end(),
                                  [&](const auto& entry) { return optimizer(entry.second); });
  if (stored || std::none_of(pieces.begin(), pieces.end(), optimizer)) return;
  const OptimizerOptions saved = parse_config(record.config, origin).optimizer;
  if (states_per_weight(saved) == 0) {
    throw_user(
        "{} was saved with optimizer.optimizer = sgd and optimizer.sgd_momentum = 0, so it holds no momentum or other "
        "state of an optimizer to go on from; resume with these two, or begin a run with its weights: set "
        "checkpoint.finetune = true and checkpoint.save to a directory of its own",
        origin);
  }
  throw_user(
      "{} holds weights only, as imported checkpoints do, so no run can be resumed from it; to begin a run with its "
      "weights, set checkpoint.finetune = true and checkpoint.save to a directory of its own",
      origin);
}

namespace {

// Of the options that `decides` accepts, those that are not as in the record, one a line; "" if all are.
template <class Decides>
std::string differences(const RunRecord& record, Config& config, const std::string& origin, Decides decides) {
  Config saved = parse_config(record.config, origin);
  saved.model.fill_in_sizes();
  const OptionTable then = saved.table();
  const OptionTable now = config.table();
  std::string lines;
  for (size_t i = 0; i < now.options().size(); ++i) {
    const Option& option = now.options()[i];
    if (!decides(option) || option.get() == then.options()[i].get()) continue;
    lines += fmt::format("\n  {}: {} in the checkpoint, {} now", option.name(), then.options()[i].get(), option.get());
  }
  return lines;
}

bool decides_model(const Option& option) {
  constexpr std::array others = {"preset", "hidden_dropout", "attention_dropout", "init_method_std"};
  return option.section == "model" && std::find(others.begin(), others.end(), option.key) == others.end();
}

// What decides the weights after a given step. Lengths, rates, intervals and places may change between runs.
bool decides_run(const Option& option) {
  constexpr std::array fixed = {"optimizer.optimizer", "train.seq_length",          "train.global_batch_size",
                                "train.seed",          "data.reset_attention_mask", "data.reset_position_ids",
                                "data.eod_mask_loss",  "data.eod_token_id"};
  return decides_model(option) || std::find(fixed.begin(), fixed.end(), option.name()) != fixed.end();
}

// Rotary positions go on beyond the longest that a model was trained with; learned ones have a tensor that would not
// fit.
bool decides_weights(const Option& option) { return decides_model(option) && option.key != "max_position_embeddings"; }

}  // namespace

void check_same_model(const RunRecord& record, Config& config, const std::string& origin) {
  const std::string lines = differences(record, config, origin, decides_weights);
  if (lines.empty()) return;
  throw_user(
      "{} is of another model:{}\nGive the options as they were; beside an imported checkpoint they stand in "
      "model.toml",
      origin, lines);
}

void check_same_run(const RunRecord& record, Config& config, const std::string& origin) {
  const std::string lines = differences(record, config, origin, decides_run);
  if (lines.empty()) return;
  throw_user(
      "{} is of another run:{}\nGive the options as they were, or train from the start with another "
      "checkpoint.save and no checkpoint.load",
      origin, lines);
}

}  // namespace kumiko
