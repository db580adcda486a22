// SPDX-License-Identifier: LGPL-2.1-or-later
// Files of lines that people write: empty lines and those that begin with # are skipped, and a line
// may end as on Windows.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>

namespace reach {
// `take (line)` says what is wrong with a line, or nothing. Ends with the first that is wrong:
// "line 3: …". Empty: all were taken.
template <typename F> std::string take_lines (std::string_view text, F &&take)
{
  for (std::size_t number = 1, from = 0; from < text.size (); number++) {
    const std::size_t end = std::min (text.find ('\n', from), text.size ());
    std::string_view line = text.substr (from, end - from);
    from = end + 1;
    if (line.ends_with ('\r'))
      line.remove_suffix (1);
    if (line.empty () || line.front () == '#')
      continue;
    if (const std::string wrong = take (line); !wrong.empty ())
      return "line " + std::to_string (number) + ": " + wrong;
  }
  return {};
}
} // namespace reach
