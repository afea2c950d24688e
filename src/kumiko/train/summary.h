// The box at the start of a run: what is about to happen, in sections of rows.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace kumiko {

struct SummaryRow {
  std::string key;
  std::string value;  // UTF-8; a long one is wrapped
};

struct SummarySection {
  std::string title;
  std::vector<SummaryRow> rows;
};

struct BoxStyle {
  size_t max_width = 80;  // columns of the whole box; 12 at the least
  bool utf8 = true;       // lines drawn in Unicode, else with + - |
};

// Lines of equal width with line breaks: long values are wrapped and, where the box is narrow, stand below their keys.
// Sections without rows are left out.
std::string render_box(const std::string& title, const std::vector<SummarySection>& sections, const BoxStyle& style);

}  // namespace kumiko
