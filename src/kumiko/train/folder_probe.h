// Whether the folders that a run will write to can be written to, found at its start instead of at its first save. A
// probe leaves nothing behind.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "kumiko/comm/agreement.h"
#include "kumiko/train/setup.h"

namespace kumiko {

// Collective. Every rank writes, syncs and removes a small file of its own in `folder`, and must see one that rank 0
// puts there, within `seconds`. SharedError, the same on every rank, otherwise: the environment's kind, naming ranks,
// hosts and the system's reason, where some cannot write; the user's kind where some see another folder. `option` names
// it in messages. The folder is made if it is not there, and stays if all is well.
void probe_shared_folder(Communicator& ranks, const std::string& option, const std::string& folder,
                         std::span<const RankInfo> infos = {}, double seconds = 5);

// The same by this rank alone; a folder that was made for it is removed again.
void probe_folder(const std::string& option, const std::string& folder);

struct SpaceFacts {
  std::string folder;
  int64_t available = 0;         // bytes free for this user, what earlier saves have left unfinished included
  int64_t checkpoint_bytes = 0;  // of tensors
  int64_t saves = 0;             // that this run has before it
  int64_t keep_last = 0;         // checkpoint.keep_last
  int64_t kept_now = 0;          // checkpoints that are there
};

// "", or what there is too little space for. Environment error if not even one more checkpoint fits: an older one is
// removed only when the newer is whole.
std::string check_space(const SpaceFacts& facts);

// Collective. All folders that the run will write to.
void probe_folders(const Run& run);

}  // namespace kumiko
