#include "kumiko/base/svg.h"

#include <gtest/gtest.h>

namespace kumiko {
namespace {

TEST(Svg, IsADocumentOfWhatWasAdded) {
  Svg svg(20, 10);
  svg.line({1, 2}, {3.25, 4}, "stroke=\"#888\"");
  svg.polyline({{0, 0}, {5, 5}}, "stroke=\"red\"");
  svg.text({7, 8}, "a < b & c", TextAnchor::end);
  EXPECT_EQ(svg.document(),
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"20\" height=\"10\" viewBox=\"0 0 20 10\" "
            "font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n"
            "<rect x=\"0.0\" y=\"0.0\" width=\"20.0\" height=\"10.0\" fill=\"#fff\"></rect>\n"
            "<line x1=\"1.0\" y1=\"2.0\" x2=\"3.2\" y2=\"4.0\" stroke=\"#888\"/>\n"
            "<polyline points=\"0.0,0.0 5.0,5.0\" fill=\"none\" stroke=\"red\"/>\n"
            "<text x=\"7.0\" y=\"8.0\" text-anchor=\"end\" >a &lt; b &amp; c</text>\n"
            "</svg>\n");
}

}  // namespace
}  // namespace kumiko
