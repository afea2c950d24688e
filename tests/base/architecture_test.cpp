// docs/architecture.md beside the tree: which rooms there are, on which floor, and what each includes.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <regex>
#include <set>

#include "kumiko/base/file.h"
#include "kumiko/base/text.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;

const fs::path source = KUMIKO_SOURCE;

struct Room {
  int floor = 0;                 // 0: not in the table
  std::set<std::string> listed;  // behind ROOMS in its CMakeLists.txt
  std::set<std::string> included;
  bool is_library = false;
};

void read_includes(const fs::path& folder, Room& room) {
  static const std::regex include(R"(#include "kumiko/([a-z]+)/)");
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const std::string text = read_text_file(entry.path());
    for (std::sregex_iterator i(text.begin(), text.end(), include), end; i != end; ++i) room.included.insert((*i)[1]);
  }
  room.included.erase(folder.filename().string());
}

std::map<std::string, Room> rooms() {
  std::map<std::string, Room> rooms;
  for (const fs::directory_entry& entry : fs::directory_iterator(source / "src" / "kumiko")) {
    if (!entry.is_directory()) continue;
    Room& room = rooms[entry.path().filename().string()];
    const std::string text = read_text_file(entry.path() / "CMakeLists.txt");
    room.is_library = text.find("kumiko_room(") != std::string::npos;
    std::smatch match;
    if (std::regex_search(text, match, std::regex(R"(ROOMS((\s+[a-z]+)+))"))) {
      const std::string listed = match[1];
      static const std::regex word("[a-z]+");
      for (std::sregex_iterator i(listed.begin(), listed.end(), word), end; i != end; ++i) room.listed.insert(i->str());
    }
    read_includes(entry.path(), room);
  }
  static const std::regex row(R"(\| (\d+) \| `([a-z]+)` \|.*)");
  for (const std::string& line : split(read_text_file(source / "docs" / "architecture.md"), '\n')) {
    std::smatch match;
    if (std::regex_match(line, match, row)) rooms[match[2]].floor = std::stoi(match[1]);
  }
  return rooms;
}

TEST(Architecture, HasEachRoomAboveWhatItIncludes) {
  const std::map<std::string, Room> all = rooms();
  EXPECT_GE(all.size(), 16u);
  for (const auto& [name, room] : all) {
    EXPECT_GT(room.floor, 0) << name << " has no row in docs/architecture.md";
    int highest = 0;
    for (const std::string& lower : room.included) {
      if (room.is_library) {
        EXPECT_TRUE(room.listed.contains(lower)) << name << " includes " << lower << ", which its ROOMS leave out";
      }
      ASSERT_TRUE(all.contains(lower)) << name << " includes " << lower;
      highest = std::max(highest, all.at(lower).floor);
    }
    for (const std::string& lower : room.listed) {
      ASSERT_TRUE(all.contains(lower)) << name << " lists " << lower;
      highest = std::max(highest, all.at(lower).floor);
    }
    EXPECT_GT(room.floor, highest) << name << " stands above every room that it needs";
  }
}

}  // namespace
}  // namespace kumiko
