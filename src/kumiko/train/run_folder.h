// The folders of a run: what they hold when a start looks, and how an old run is set aside.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "kumiko/train/continuation.h"

namespace kumiko {

// What `name` (an option's value, not empty) holds. Reads names, `latest`, and the manifest of the checkpoint that a
// start would take; a damaged one is no error here: opening it will say so.
FolderFacts look_at_folder(const std::string& name);

// Moves `names` out of `folder` into a new folder beside it, FOLDER.old-1 (or the next number that is free), or within
// it where there is no place beside. Returns that folder. Environment error if something cannot be moved.
std::filesystem::path set_aside(const std::filesystem::path& folder, const std::vector<std::string>& names);

// The same with all that a run leaves in a folder. Its tokenizer is copied: it may be the one to be trained with.
std::filesystem::path set_run_aside(const std::filesystem::path& folder);

}  // namespace kumiko
