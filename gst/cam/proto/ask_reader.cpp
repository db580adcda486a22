// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ask_reader.h"
#include "text.h"

namespace reach::cam {
namespace {
// Any integer will do: bindings of other languages do not always choose.
std::optional<std::uint64_t> integer (const CommandValue &v)
{
  return std::visit (
      [] (const auto &x) -> std::optional<std::uint64_t> {
        using T = std::decay_t<decltype (x)>;
        if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
          return static_cast<std::uint64_t> (x); // negative ones become too large
        else
          return std::nullopt;
      },
      v);
}
} // namespace

bool good_guid (std::string_view guid)
{
  return !guid.empty () && guid.size () <= max_guid && is_text (guid);
}

const CommandValue *AskReader::find (std::string_view name) const
{
  const auto i = std::ranges::find (ask_.parameters, name, &Parameter::name);
  return i == ask_.parameters.end () ? nullptr : &i->value;
}

std::string AskReader::text (std::string_view name, std::size_t limit)
{
  const CommandValue *v = find (name);
  if (!v || std::holds_alternative<std::monostate> (*v))
    return {};
  const auto *s = std::get_if<std::string> (v);
  if (s && s->size () <= limit && is_text (*s))
    return *s;
  failed_ = true;
  return {};
}

std::string AskReader::name (std::string_view parameter, std::size_t limit)
{
  std::string s = text (parameter, limit);
  failed_ = failed_ || s.empty ();
  return s;
}

std::string AskReader::guid ()
{
  return name ("guid", max_guid);
}

std::string AskReader::group ()
{
  return name ("group", max_group_name);
}

bool AskReader::flag (std::string_view name, bool otherwise)
{
  const CommandValue *v = find (name);
  if (!v)
    return otherwise;
  const bool *b = std::get_if<bool> (v);
  failed_ = failed_ || !b;
  return b && *b;
}

std::uint8_t AskReader::media_types (std::optional<std::uint8_t> otherwise)
{
  const CommandValue *v = find ("media-types");
  if (!v && otherwise)
    return *otherwise;
  const auto n = v ? integer (*v) : std::nullopt;
  failed_ = failed_ || !n || *n > all_types;
  return failed_ ? std::uint8_t{0} : static_cast<std::uint8_t> (*n);
}
} // namespace reach::cam
