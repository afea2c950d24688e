#include "kumiko/base/svg.h"

#include <fmt/core.h>

namespace kumiko {
namespace {

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

}  // namespace

Svg::Svg(double width, double height)
    : body_(fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:g}\" height=\"{1:g}\" "
                        "viewBox=\"0 0 {0:g} {1:g}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n",
                        width, height)) {
  rectangle({0, 0}, width, height, "fill=\"#fff\"");
}

void Svg::line(Point from, Point to, std::string_view style) {
  body_ += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" {}/>\n", from.x, from.y, to.x,
                       to.y, style);
}

void Svg::polyline(const std::vector<Point>& points, std::string_view style) {
  std::string list;
  for (const Point& point : points) list += fmt::format("{}{:.1f},{:.1f}", list.empty() ? "" : " ", point.x, point.y);
  body_ += fmt::format("<polyline points=\"{}\" fill=\"none\" {}/>\n", list, style);
}

void Svg::circle(Point centre, double radius, std::string_view style) {
  body_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:g}\" {}/>\n", centre.x, centre.y, radius, style);
}

void Svg::rectangle(Point corner, double width, double height, std::string_view style, std::string_view hint) {
  const std::string title = hint.empty() ? "" : fmt::format("<title>{}</title>", escaped(hint));
  body_ += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" {}>{}</rect>\n", corner.x,
                       corner.y, width, height, style, title);
}

void Svg::text(Point baseline, std::string_view text, TextAnchor anchor, std::string_view style) {
  const char* anchors[] = {"start", "middle", "end"};
  body_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" {}>{}</text>\n", baseline.x, baseline.y,
                       anchors[static_cast<size_t>(anchor)], style, escaped(text));
}

}  // namespace kumiko
