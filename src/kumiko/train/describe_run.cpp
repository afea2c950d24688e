#include "kumiko/train/describe_run.h"

#include <algorithm>

#include "kumiko/base/text.h"
#include "kumiko/train/config.h"
#include "kumiko/train/state_checkpoint.h"

namespace kumiko {

std::string describe_run(const std::string& state, const std::string& origin) {
  const RunRecord record = run_record_from_json(state, origin);
  const Config config = parse_config(record.config, origin + " (configuration)");
  const ModelOptions& model = config.model;
  std::string text = fmt::format("model        {}{}: {} layers, hidden {}, {} heads, {} tokens, {} positions\n",
                                 name_of(model.architecture), model.preset.empty() ? "" : " (" + model.preset + ")",
                                 model.num_layers, model.hidden_size, model.num_attention_heads,
                                 with_thousands(model.vocab_size), model.max_position_embeddings);
  text += fmt::format("trained      {} of {} steps, {} tokens in {} samples\n", with_thousands(record.step),
                      with_thousands(std::max(record.step, config.train.train_iters)),
                      with_thousands(record.consumed_tokens), with_thousands(record.consumed_samples));
  if (record.updates != record.step) {
    text += fmt::format("skipped      {} steps, for bad values\n", with_thousands(record.step - record.updates));
  }
  if (record.loss_scale) text += fmt::format("loss scale   {}\n", record.loss_scale->scale);
  return text + "\nconfiguration, as train takes it:\n\n" + record.config;
}

}  // namespace kumiko
