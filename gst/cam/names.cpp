// SPDX-License-Identifier: LGPL-2.1-or-later
#include "names.h"
#include <algorithm>
#include <atomic>
#include <string>
#include <utility>

namespace reach::cam {
namespace {
bool name_character (char c)
{
  return g_ascii_isalnum (c) || c == '-' || c == '_' || c == '/' || c == '.' || c == ':' ||
         c == '+';
}

std::string_view strip (std::string_view s)
{
  while (!s.empty () && g_ascii_isspace (s.front ()))
    s.remove_prefix (1);
  while (!s.empty () && g_ascii_isspace (s.back ()))
    s.remove_suffix (1);
  return s;
}

// GStreamer warns of other names, and of those that were caps before 1.0.
bool structure_name (std::string_view s)
{
  return !s.empty () && g_ascii_isalpha (s.front ()) && !s.starts_with ("video/x-raw-") &&
         !s.starts_with ("audio/x-raw-") && admit_name (s);
}

// "memory:DMABuf"; GStreamer warns of others.
bool feature_name (std::string_view s)
{
  const std::size_t colon = s.find (':');
  return colon != s.npos && colon + 1 < s.size () && g_ascii_isalpha (s[colon + 1]) &&
         std::ranges::all_of (s.substr (0, colon), [] (char c) { return g_ascii_isalpha (c); }) &&
         std::ranges::all_of (s.substr (colon + 1), [] (char c) { return g_ascii_isalnum (c); }) &&
         admit_name (s);
}

// Types whose values hold no names of their own. A nested structure, caps or sample would be parsed
// again.
bool plain_type (std::string_view name)
{
  static constexpr std::string_view plain[] = {"int", "i", "gint", "uint", "u", "guint", "gint64",
      "int64", "guint64", "uint64", "boolean", "bool", "b", "gboolean", "string", "str", "s",
      "gchararray", "double", "d", "gdouble", "float", "f", "gfloat", "fraction", "GstFraction",
      "bitmask", "GstBitmask", "buffer", "GstBuffer", "date", "GDate", "datetime", "GstDateTime",
      "flagset"};
  for (const std::string_view p : plain)
    if (p == name)
      return true;
  const GType t = g_type_from_name (std::string (name).c_str ());
  // GEnum and GFlags themselves have no values; GLib warns of those.
  return t != 0 && !G_TYPE_IS_VALUE_ABSTRACT (t) &&
         (G_TYPE_IS_ENUM (t) || G_TYPE_IS_FLAGS (t) || g_type_is_a (t, GST_TYPE_FLAG_SET));
}

// Walks serialised structures without building them, as every word that could become a quark must
// be looked at first: a structure's name, its caps features, and what stands before '='.
class NameWalk {
public:
  NameWalk (std::string_view text, bool single) : text_ (text), single_ (single) {}
  bool run ()
  {
    for (; at_ < text_.size (); at_++)
      if (!step (text_[at_]))
        return false;
    return !quoted_ && value_ok () && (!start_ || (named_ && word ().empty ()) || admit ());
  }

private:
  std::string_view word () const { return strip (text_.substr (begin_, at_ - begin_)); }
  void next_word () { begin_ = at_ + 1; }
  bool admit ()
  {
    named_ = true;
    return start_ ? structure_name (word ()) : admit_name (word ());
  }

  // GStreamer 1.22 uses a freed buffer when a buffer's text is not hexadecimal.
  bool value_ok () const
  {
    const std::string_view w = word ();
    return !hex_ || (w.size () % 2 == 0 &&
                        std::ranges::all_of (w, [] (char c) { return g_ascii_isxdigit (c); }));
  }

  bool step (char c)
  {
    if (quoted_) {
      at_ += c == '\\';
      quoted_ = c != '"';
      return true;
    }
    if (std::string_view ("\"=,;([{<}>").find (c) != std::string_view::npos && !value_ok ())
      return false;
    switch (c) {
    case '"':
      quoted_ = true; // GStreamer 1.22 warns where it has to guess the type of ""
      return !hex_ && typed_ && word ().empty ();
    case '=':
      if (std::exchange (value_, true))
        return false;
      return take_name (false);
    case ';':
      if (single_ && at_ + 1 < text_.size ())
        return false;
      [[fallthrough]];
    case ',':
      return nested_ > 0 || !start_ ? separator (c) : take_name (c == ';');
    case '(':
      return start_ ? features () : value_ && word ().empty () && type ();
    case '[':
      return false; // a range is not fixed, and a bracketed structure holds names
    case '{':
    case '<':
      if (!value_ || !word ().empty ())
        return false;
      next_word ();
      return ++nested_ <= 8; // the text parser recurses as deep as the peer says
    case '}':
    case '>':
      if (nested_ == 0)
        return false;
      nested_--;
      next_word ();
      return true;
    default:
      return true;
    }
  }
  bool separator (char c)
  {
    start_ = c == ';' && nested_ == 0;
    value_ = value_ && nested_ > 0;
    typed_ = typed_ && nested_ > 0;
    hex_ = hex_ && nested_ > 0; // of an array, for all that is in it
    next_word ();
    return true;
  }
  bool take_name (bool start)
  {
    const bool ok = admit ();
    start_ = start;
    next_word ();
    return ok;
  }
  bool features ()
  {
    if (!admit ())
      return false;
    const std::size_t close = text_.find (')', at_);
    if (close == std::string_view::npos)
      return false;
    while (at_ < close) {
      std::size_t from = at_ + 1;
      at_ = std::min (text_.find (',', from), close);
      from += text_[from] == ' '; // as GStreamer writes them; it does not strip more
      if (!feature_name (text_.substr (from, at_ - from)))
        return false;
    }
    start_ = false;
    next_word ();
    const std::string_view rest = strip (text_.substr (begin_));
    return rest.empty () || rest.front () == ',' || rest.front () == ';';
  }
  bool type ()
  {
    const std::size_t close = text_.find (')', at_);
    if (close == std::string_view::npos)
      return false;
    const std::string_view name = strip (text_.substr (at_ + 1, close - at_ - 1));
    if (!plain_type (name))
      return false;
    typed_ = true;
    hex_ = hex_ || name == "buffer" || name == "GstBuffer";
    at_ = close;
    next_word ();
    return true;
  }

  std::string_view text_;
  bool single_; // one structure
  std::size_t at_ = 0, begin_ = 0, nested_ = 0;
  bool quoted_ = false, start_ = true, named_ = false,
       value_ = false, // behind a field's '='
      typed_ = false,  // behind a value's "(type)"
      hex_ = false;    // the values of this field are buffers
};

bool admissible (std::string_view text, bool single)
{
  // GStreamer warns of text that is not UTF-8, and what a peer sends must not fill the log.
  return !text.empty () && text.size () <= max_caps_text &&
         g_utf8_validate (text.data (), static_cast<gssize> (text.size ()), nullptr) &&
         NameWalk (text, single).run ();
}

// GStreamer 1.22 loses the memory of a list that it cannot read to its end, so only so many may be
// tried.
std::atomic<int> unreadable_lists{0};

template <typename T, typename F> Ref<T> parse (std::string_view text, F from_string)
{
  text = strip (text);
  const bool list = text.find_first_of ("<{") != text.npos;
  if ((list && unreadable_lists >= max_unreadable_lists) ||
      !admissible (text, std::is_same_v<T, GstTagList>))
    return {};
  auto result = Ref<T>::adopt (from_string (std::string (text).c_str ()));
  unreadable_lists += list && !result;
  return result;
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
  auto caps = parse<GstCaps> (text, gst_caps_from_string);
  return caps && gst_caps_is_fixed (caps.get ()) ? caps : Ref<GstCaps>{};
}

Ref<GstTagList> tags_from_peer (std::string_view text)
{
  if (!strip (text).starts_with ("taglist"))
    return {};
  return parse<GstTagList> (text, gst_tag_list_new_from_string);
}
} // namespace reach::cam
