#include "kumiko/train/continuation.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "kumiko/base/error.h"
#include "kumiko/checkpoint/directory.h"

namespace kumiko {
namespace {

std::string steps_text(const std::vector<int64_t>& steps) {
  if (steps.size() <= 4) return fmt::format("{} {}", steps.size() == 1 ? "step" : "steps", fmt::join(steps, ", "));
  return fmt::format("{} checkpoints, steps {} to {}", steps.size(), steps.front(), steps.back());
}

std::string contents_of(const FolderFacts& folder) {
  std::vector<std::string> parts;
  if (!folder.steps.empty()) parts.push_back(steps_text(folder.steps));
  parts.insert(parts.end(), folder.traces.begin(), folder.traces.end());
  if (parts.empty()) parts.emplace_back(latest_name);
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::vector<int64_t> steps_after(const FolderFacts& folder, int64_t step) {
  std::vector<int64_t> later;
  std::copy_if(folder.steps.begin(), folder.steps.end(), std::back_inserter(later),
               [step](int64_t other) { return other > step; });
  return later;
}

std::filesystem::path checkpoint_path(const FolderFacts& folder, int64_t step) {
  return folder.is_checkpoint ? folder.path : folder.path / checkpoint_name(step);
}

// How a folder's own checkpoint was found, where that needs a word.
void tell_choice(const FolderFacts& folder, int64_t step, Continuation& answer) {
  if (folder.is_checkpoint) return;
  if (!folder.latest) {
    answer.warnings.push_back(fmt::format("{} has no '{}'; its newest complete checkpoint is {}: continuing there",
                                          folder.name, latest_name, checkpoint_name(step)));
  } else if (*folder.latest != step) {
    answer.warnings.push_back(fmt::format(
        "'{}' of {} names {}, but {} is complete and was written after it (a save was interrupted between the two): "
        "continuing there",
        latest_name, folder.name, checkpoint_name(*folder.latest), checkpoint_name(step)));
  }
}

void leave_later_steps(const FolderFacts& save, int64_t step, Continuation& answer) {
  answer.later_steps = steps_after(save, step);
  if (answer.later_steps.empty()) return;
  answer.warnings.push_back(fmt::format("going back to step {}: {} of {} {} set aside", step,
                                        steps_text(answer.later_steps), save.name,
                                        answer.later_steps.size() == 1 ? "is" : "are"));
}

[[noreturn]] void refuse_old_run(const char* option, const FolderFacts& folder, bool can_load) {
  throw_user(
      "{0} = {1} holds an old run ({2}), and a new one would overwrite it. {3}to begin a new one in this folder, set "
      "checkpoint.start_anew = true, which sets the old run aside; or name another folder",
      option, folder.name, contents_of(folder),
      can_load ? fmt::format("To continue it, set checkpoint.load = {}; ", folder.name) : "Either, ");
}

[[noreturn]] void refuse_load(const FolderFacts& load) {
  if (!load.exists) throw_user("checkpoint.load = {} is not there{}", load.name, load.nearby);
  if (!load.damaged.empty()) {
    throw_user("checkpoint.load = {} holds no complete checkpoint: {} has no {}{}", load.name,
               fmt::join(load.damaged, ", "), manifest_name, load.nearby);
  }
  throw_user("checkpoint.load = {} holds no checkpoint{}", load.name, load.nearby);
}

// A run that has nothing to go on from begins; what an earlier start left without a checkpoint is kept.
void begin_over(const std::optional<FolderFacts>& folder, bool& clears, Continuation& answer) {
  if (!folder || !folder->holds_run()) return;
  clears = true;
  answer.warnings.push_back(
      fmt::format("{} holds what an earlier start left ({}) and no checkpoint to go on from: it is "
                  "set aside, and training begins at step 0",
                  folder->name, contents_of(*folder)));
}

void begin_anew(const ContinuationFacts& facts, Continuation& answer) {
  const auto clear = [&](const std::optional<FolderFacts>& folder, bool& clears) {
    if (!folder || !folder->holds_run()) return;
    clears = true;
    answer.warnings.push_back(
        fmt::format("checkpoint.start_anew: the old run in {} ({}) is set aside", folder->name, contents_of(*folder)));
  };
  clear(facts.save, answer.clears_save);
  clear(facts.logging, answer.clears_logging);
}

// No checkpoint.load.
Continuation begin(const ContinuationFacts& facts) {
  Continuation answer;
  if (facts.start_anew) {
    begin_anew(facts, answer);
    return answer;
  }
  if (facts.save && (facts.save->holds_run() || !facts.save->damaged.empty())) {
    refuse_old_run("checkpoint.save", *facts.save, true);
  }
  if (facts.logging && facts.logging->holds_run()) refuse_old_run("logging.run_dir", *facts.logging, false);
  return answer;
}

// checkpoint.load is checkpoint.save.
Continuation go_on(const ContinuationFacts& facts) {
  const FolderFacts& save = *facts.save;
  Continuation answer;
  const auto step = chosen_step(save);
  if (facts.start_anew && step && save.began_anew) {
    answer.infos.push_back(fmt::format("{} holds the run that checkpoint.start_anew began: continuing it", save.name));
  } else if (facts.start_anew) {
    begin_anew(facts, answer);
    return answer;
  }
  if (!step) {
    if (!save.damaged.empty()) refuse_load(save);
    begin_over(facts.save, answer.clears_save, answer);
    begin_over(facts.logging, answer.clears_logging, answer);
    return answer;
  }
  answer.kind = Continuation::Kind::resume;
  answer.step = *step;
  answer.checkpoint = checkpoint_path(save, *step);
  tell_choice(save, *step, answer);
  leave_later_steps(save, *step, answer);
  return answer;
}

// The run that this command has begun before, from another folder or another step.
bool has_begun(const ContinuationFacts& facts) {
  const FolderFacts& save = *facts.save;
  if (!save.holds_checkpoints() || !save.origin) return false;
  if (facts.start_anew && !save.began_anew) return false;
  return save.origin->load == facts.load->path.string() ||
         (!facts.load->manifest_checksum.empty() && save.origin->manifest_checksum == facts.load->manifest_checksum);
}

Continuation go_on_in_save(const ContinuationFacts& facts) {
  const FolderFacts& save = *facts.save;
  Continuation answer;
  answer.kind = Continuation::Kind::resume;
  answer.step = *chosen_step(save);
  answer.checkpoint = checkpoint_path(save, answer.step);
  tell_choice(save, answer.step, answer);
  leave_later_steps(save, answer.step, answer);
  answer.infos.push_back(fmt::format("{} already holds step {} of the run that began with {}: continuing there",
                                     save.name, answer.step, facts.load->name));
  return answer;
}

// checkpoint.load is another folder than checkpoint.save, a checkpoint within it, or all that is given.
Continuation come_from(const ContinuationFacts& facts) {
  const FolderFacts& load = *facts.load;
  if (facts.save && chosen_step(*facts.save) && has_begun(facts)) return go_on_in_save(facts);
  const auto step = chosen_step(load);
  if (!step) refuse_load(load);
  Continuation answer;
  answer.kind = facts.finetune ? Continuation::Kind::take_weights : Continuation::Kind::resume;
  answer.step = facts.finetune ? 0 : *step;
  answer.checkpoint = checkpoint_path(load, *step);
  answer.from_elsewhere = true;
  tell_choice(load, *step, answer);
  if (!facts.save) return answer;
  const FolderFacts& save = *facts.save;
  const bool within = load.is_checkpoint && load.path.parent_path() == save.path;
  if (within && facts.finetune) {
    throw_user(
        "checkpoint.load = {} is a checkpoint of checkpoint.save = {}: with checkpoint.finetune, save another run "
        "elsewhere",
        load.name, save.name);
  }
  if (within) {
    leave_later_steps(save, *step, answer);
  } else if (facts.start_anew) {
    begin_anew(facts, answer);
  } else if (save.holds_checkpoints() || !save.damaged.empty()) {
    throw_user(
        "checkpoint.load = {0}, but checkpoint.save = {1} holds another run ({2}), which did not begin there. To "
        "continue "
        "that one, set checkpoint.load = {1}; to overwrite nothing and begin from {0}, name another checkpoint.save, "
        "or "
        "set checkpoint.start_anew = true, which sets the old run aside",
        load.name, save.name, contents_of(save));
  } else {
    begin_over(facts.save, answer.clears_save, answer);
  }
  return answer;
}

}  // namespace

std::optional<int64_t> chosen_step(const FolderFacts& folder) {
  if (folder.latest) {
    const bool interrupted = !folder.latest_by_hand && folder.newest_is_after_latest && !folder.steps.empty() &&
                             folder.steps.back() > *folder.latest;
    return interrupted ? folder.steps.back() : *folder.latest;
  }
  if (folder.steps.empty()) return std::nullopt;
  return folder.steps.back();
}

Continuation decide_continuation(const ContinuationFacts& facts) {
  if (!facts.load) return begin(facts);
  if (facts.save && facts.save->path == facts.load->path) return go_on(facts);
  return come_from(facts);
}

}  // namespace kumiko
