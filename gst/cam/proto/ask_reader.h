// SPDX-License-Identifier: LGPL-2.1-or-later
// Parameters of an ask, looked at one by one, and the lists of answers. A parameter of another type
// or out of its limits latches failed (), so that an ask can read all and check once. Unknown
// parameters are ignored.
#pragma once
#include "router_types.h"
#include "source.h"

namespace reach::cam {
bool good_guid (std::string_view guid);

class AskReader {
public:
  AskReader (const Command &ask, TimePoint at) : now (at), ask_ (ask) {}

  std::string guid ();                                         // "guid", needed
  std::string group ();                                        // "group", needed
  std::string text (std::string_view name, std::size_t limit); // empty when it is not there
  bool flag (std::string_view name, bool otherwise);
  std::uint8_t media_types (std::optional<std::uint8_t> otherwise); // "media-types"
  const std::vector<Parameter> &all () const { return ask_.parameters; }
  bool failed () const { return failed_; }

  const TimePoint now;

private:
  const CommandValue *find (std::string_view name) const;
  std::string name (std::string_view parameter, std::size_t limit);

  const Command &ask_;
  bool failed_ = false;
};

// One page of a sorted table, from behind `after` on, as columns of the answer. What does not fit
// is got with another ask, whose "after" is this answer's "next".
class AnswerPage {
public:
  static constexpr std::size_t max_bytes = 48u << 10, max_looked_at = 2000;

  explicit AnswerPage (Command &result) : result_ (result) {}

  // `line (entry)` adds to the columns or passes over an entry.
  template <typename Table, typename F>
  void fill (const Table &table, const std::string &after, F &&line)
  {
    std::size_t looked_at = 0;
    const std::string *last = nullptr;
    for (auto i = table.upper_bound (after); i != table.end (); ++i) {
      if (looked_at++ == max_looked_at || size_ >= max_bytes) {
        result_.parameters.push_back ({"next", *last});
        return;
      }
      line (*i);
      last = &i->first;
    }
  }
  void string (ByteWriter &column, std::string_view s)
  {
    column.str16 (s);
    size_ += 2 + s.size ();
  }
  void byte (ByteWriter &column, std::uint8_t b)
  {
    column.u8 (b);
    size_++;
  }
  void block (ByteWriter &column, Bytes b)
  {
    column.u32 (static_cast<std::uint32_t> (b.size ()));
    column.bytes (b);
    size_ += 4 + b.size ();
  }
  void column (const char *name, ByteWriter &column)
  {
    result_.parameters.push_back ({name, column.take ()});
  }

private:
  Command &result_;
  std::size_t size_ = 0;
};
} // namespace reach::cam
