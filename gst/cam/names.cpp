// SPDX-License-Identifier: LGPL-2.1-or-later
#include "names.h"
#include <atomic>
#include <cctype>
#include <string>

namespace reach::cam {
namespace {
bool name_character (char c)
{
  return std::isalnum (static_cast<unsigned char> (c)) || c == '-' || c == '_' || c == '/' ||
         c == '.' || c == ':' || c == '+';
}

std::string_view strip (std::string_view s)
{
  while (!s.empty () && std::isspace (static_cast<unsigned char> (s.front ())))
    s.remove_prefix (1);
  while (!s.empty () && std::isspace (static_cast<unsigned char> (s.back ())))
    s.remove_suffix (1);
  return s;
}

// Types whose values hold no names of their own. A nested structure, caps or sample would be parsed
// again.
bool plain_type (std::string_view name)
{
  static constexpr std::string_view plain[] = {"int", "i", "gint", "uint", "u", "guint", "gint64",
      "int64", "guint64", "uint64", "boolean", "bool", "b", "gboolean", "string", "str", "s",
      "gchararray", "double", "d", "gdouble", "float", "f", "gfloat", "fraction", "GstFraction",
      "bitmask", "GstBitmask", "buffer", "GstBuffer", "date", "GDate", "datetime", "GstDateTime"};
  for (const std::string_view p : plain)
    if (p == name)
      return true;
  const GType t = g_type_from_name (std::string (name).c_str ());
  return t != 0 &&
         (G_TYPE_IS_ENUM (t) || G_TYPE_IS_FLAGS (t) || g_type_is_a (t, GST_TYPE_FLAG_SET));
}

// Walks serialised structures without building them, as every word that could become a quark must
// be looked at first: a structure's name, its caps features, and what stands before '='.
class NameWalk {
public:
  explicit NameWalk (std::string_view text) : text_ (text) {}
  bool run ()
  {
    for (; at_ < text_.size (); at_++)
      if (!step (text_[at_]))
        return false;
    return !quoted_ && (!start_ || word ().empty () || admit_name (word ()));
  }

private:
  std::string_view word () const { return strip (text_.substr (begin_, at_ - begin_)); }
  void next_word () { begin_ = at_ + 1; }

  bool step (char c)
  {
    if (quoted_) {
      at_ += c == '\\';
      quoted_ = c != '"';
      return true;
    }
    switch (c) {
    case '"':
      quoted_ = true;
      return true;
    case '=':
      return take_name (false);
    case ',':
    case ';':
      return nested_ > 0 || !start_ ? separator (c) : take_name (c == ';');
    case '(':
      return start_ ? features () : type ();
    case '[':
    case '{':
    case '<':
      next_word ();
      return ++nested_ <= 8; // the text parser recurses as deep as the peer says
    case ']':
    case '}':
    case '>':
      nested_ -= nested_ > 0;
      next_word ();
      return true;
    default:
      return true;
    }
  }
  bool separator (char c)
  {
    start_ = c == ';' && nested_ == 0;
    next_word ();
    return true;
  }
  bool take_name (bool start)
  {
    const bool ok = admit_name (word ());
    start_ = start;
    next_word ();
    return ok;
  }
  bool features ()
  {
    if (!admit_name (word ()))
      return false;
    const std::size_t close = text_.find (')', at_);
    if (close == std::string_view::npos)
      return false;
    while (at_ < close) {
      const std::size_t from = at_ + 1;
      at_ = std::min (text_.find (',', from), close);
      if (!admit_name (strip (text_.substr (from, at_ - from))))
        return false;
    }
    start_ = false;
    next_word ();
    return true;
  }
  bool type ()
  {
    const std::size_t close = text_.find (')', at_);
    if (close == std::string_view::npos ||
        !plain_type (strip (text_.substr (at_ + 1, close - at_ - 1))))
      return false;
    at_ = close;
    next_word ();
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0, begin_ = 0, nested_ = 0;
  bool quoted_ = false, start_ = true;
};

bool admit_names (std::string_view text)
{
  return NameWalk (text).run ();
}
} // namespace

bool admit_name (std::string_view name)
{
  static std::atomic<std::size_t> used{0};
  if (name.empty () || name.size () > max_name)
    return false;
  for (const char c : name)
    if (!name_character (c))
      return false;
  if (g_quark_try_string (std::string (name).c_str ()) != 0)
    return true;
  return used.fetch_add (1) < max_new_names;
}

Ref<GstCaps> caps_from_peer (std::string_view text)
{
  if (text.empty () || text.size () > max_caps_text || text.find ('\0') != std::string_view::npos ||
      !admit_names (text))
    return {};
  auto caps = Ref<GstCaps>::adopt (gst_caps_from_string (std::string (text).c_str ()));
  return caps && gst_caps_is_fixed (caps.get ()) ? caps : Ref<GstCaps>{};
}

Ref<GstTagList> tags_from_peer (std::string_view text)
{
  if (text.empty () || text.size () > max_caps_text || text.find ('\0') != std::string_view::npos ||
      !admit_names (text))
    return {};
  return Ref<GstTagList>::adopt (gst_tag_list_new_from_string (std::string (text).c_str ()));
}
} // namespace reach::cam
