// A drawing as an SVG document: shapes and text in the order in which they are added.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kumiko {

struct Point {
  double x = 0;
  double y = 0;
};

enum class TextAnchor { start, middle, end };

// Coordinates in pixels from the upper left corner. Styles are SVG attributes, as `stroke="#888" fill="none"`.
class Svg {
 public:
  Svg(double width, double height);

  void line(Point from, Point to, std::string_view style);
  void polyline(const std::vector<Point>& points, std::string_view style);
  void circle(Point centre, double radius, std::string_view style);
  // `hint` is what a browser shows where the pointer rests; "" for nothing.
  void rectangle(Point corner, double width, double height, std::string_view style, std::string_view hint = "");
  // `baseline` is where the text begins, has its middle, or ends. Any UTF-8.
  void text(Point baseline, std::string_view text, TextAnchor anchor = TextAnchor::start, std::string_view style = "");

  std::string document() const { return body_ + "</svg>\n"; }

 private:
  std::string body_;
};

}  // namespace kumiko
