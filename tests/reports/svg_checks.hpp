// What must hold of every drawing: a well-formed file, whose words lie on the page and do not cover each
// other.
#pragma once

#include <gtest/gtest.h>

#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "reports/svg_canvas.hpp"

namespace oldiron::reports {

inline std::string unescaped(std::string text) {
  const std::pair<const char*, const char*> entities[] = {
      {"&#39;", "'"}, {"&quot;", "\""}, {"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}};
  for (const auto& [entity, character] : entities)
    text = std::regex_replace(text, std::regex(entity), character);
  return text;
}

/// The boxes of all texts of a drawing, as the writer estimates them.
inline std::vector<std::pair<Box, std::string>> texts(const std::string& drawing) {
  static const std::regex kText(
      "<text x=\"([^\"]+)\" y=\"([^\"]+)\" font-size=\"([^\"]+)\" text-anchor=\"([^\"]+)\" fill=\"[^\"]+\"( "
      "font-weight=\"bold\")?>"
      "([^<]*)</text>");
  std::vector<std::pair<Box, std::string>> found;
  for (std::sregex_iterator it(drawing.begin(), drawing.end(), kText), end; it != end; ++it) {
    const Anchor anchor = (*it)[4] == "start" ? Anchor::start
                          : (*it)[4] == "end" ? Anchor::end
                                              : Anchor::middle;
    const TextStyle style{
        .size = std::stod((*it)[3]), .colour = "", .anchor = anchor, .bold = (*it)[5].matched};
    found.emplace_back(text_box(std::stod((*it)[1]), std::stod((*it)[2]), unescaped((*it)[6].str()), style),
                       unescaped((*it)[6].str()));
  }
  return found;
}

inline void expect_tidy(const std::string& drawing) {
  const auto boxes = texts(drawing);
  EXPECT_FALSE(boxes.empty());
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    EXPECT_GE(boxes[i].first.x, 0) << boxes[i].second;
    EXPECT_LE(boxes[i].first.x + boxes[i].first.width, 860.5) << boxes[i].second;
    for (std::size_t j = i + 1; j < boxes.size(); ++j)
      EXPECT_FALSE(boxes[i].first.overlaps(boxes[j].first))
          << boxes[i].second << " covers " << boxes[j].second;
  }
}

/// Elements are closed in order, and every & begins an entity.
inline void expect_well_formed(const std::string& drawing) {
  static const std::regex kTag("<(/?)([A-Za-z]+)([^<>]*)>");
  static const std::regex kAmpersand("&(?!(amp|lt|gt|quot|#[0-9]+);)");
  EXPECT_FALSE(std::regex_search(drawing, kAmpersand));
  std::vector<std::string> open;
  std::string rest;
  std::size_t at = 0;
  for (std::sregex_iterator it(drawing.begin(), drawing.end(), kTag), end; it != end; ++it) {
    rest += drawing.substr(at, static_cast<std::size_t>(it->position()) - at);
    at = static_cast<std::size_t>(it->position() + it->length());
    const std::string attributes = (*it)[3];
    if ((*it)[1] == "/") {
      ASSERT_FALSE(open.empty());
      EXPECT_EQ(open.back(), (*it)[2].str());
      open.pop_back();
    } else if (!attributes.ends_with("/")) {
      open.push_back((*it)[2]);
    }
    EXPECT_EQ(attributes.find("nan"), std::string::npos) << attributes;
    EXPECT_EQ(attributes.find("inf"), std::string::npos) << attributes;
  }
  rest += drawing.substr(at);
  EXPECT_TRUE(open.empty());
  EXPECT_EQ(rest.find_first_of("<>"), std::string::npos) << "a bracket outside of tags";
}

}  // namespace oldiron::reports
