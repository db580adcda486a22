// SPDX-License-Identifier: LGPL-2.1-or-later
// JSON (RFC 8259) that is passed on as it came: checked once, cut into values, never made anew. So
// what two peers tell each other stays byte for byte the same, and costs no tree. Sans-IO.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace reach::rtc::json {
enum class Kind : std::uint8_t { null, boolean, number, string, array, object };

// A part of a text that parse () took; it lives as long as that text.
struct Value {
  Kind kind = Kind::null;
  std::string_view text = "null";

  bool is (Kind k) const { return kind == k; }
};

constexpr unsigned max_depth = 32;

// The one value of `text`. Nothing for what is no JSON, no UTF-8, or nested deeper than `depth`.
std::optional<Value> parse (std::string_view text, unsigned depth = max_depth);

// What is in an object or an array, in its order.
class Items {
public:
  explicit Items (const Value &container);
  bool next ();                                // false: there is none, and always for other kinds
  const Value &name () const { return name_; } // of an object's member
  const Value &value () const { return value_; }

private:
  std::string_view rest_;
  bool object_ = false;
  Value name_, value_;
};

// Of several members of the same name the last one, as browsers do it; nothing when there is none.
std::optional<Value> member (const Value &object, std::string_view name);
// The same for several names, in one go.
template <std::size_t n>
std::array<std::optional<Value>, n> members (
    const Value &object, const std::array<std::string_view, n> &names);
bool is_named (const Value &name, std::string_view text); // whatever is escaped in it
// A string's text, escapes resolved; half of a surrogate pair becomes U+FFFD. Nothing for others.
std::optional<std::string> string_of (const Value &v);
// A string's text, where nothing is escaped; nothing for others.
std::optional<std::string_view> plain_string (const Value &v);
std::optional<std::string> string_member (const Value &object, std::string_view name);

// text: UTF-8.
std::string quote (std::string_view text);

template <std::size_t n>
std::array<std::optional<Value>, n> members (
    const Value &object, const std::array<std::string_view, n> &names)
{
  std::array<std::optional<Value>, n> found;
  if (object.is (Kind::object))
    for (Items i (object); i.next ();)
      for (std::size_t k = 0; k < n; k++)
        if (is_named (i.name (), names[k]))
          found[k] = i.value ();
  return found;
}
} // namespace reach::rtc::json
