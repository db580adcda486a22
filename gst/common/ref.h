// SPDX-License-Identifier: LGPL-2.1-or-later
// Ownership of GLib and GStreamer objects.
#pragma once
#include <gst/gst.h>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

namespace reach {
template <auto Fn> struct Free {
  template <typename T> void operator() (T *p) const noexcept { Fn (p); }
};
// Something with a free function: Owned<GError, g_error_free>.
template <typename T, auto Fn> using Owned = std::unique_ptr<T, Free<Fn>>;
using ErrorPtr = Owned<GError, g_error_free>;
using CharPtr = Owned<gchar, g_free>;
using StructurePtr = Owned<GstStructure, gst_structure_free>;

template <typename T>
inline constexpr bool is_mini_object =
    std::is_same_v<T, GstBuffer> || std::is_same_v<T, GstCaps> || std::is_same_v<T, GstEvent> ||
    std::is_same_v<T, GstMessage> || std::is_same_v<T, GstMemory> ||
    std::is_same_v<T, GstTagList> || std::is_same_v<T, GstQuery>;

// One reference to a GObject or a mini object.
template <typename T> class Ref {
public:
  Ref () = default;
  static Ref adopt (T *p) noexcept // transfer full
  {
    Ref r;
    r.p_ = p;
    return r;
  }
  static Ref share (T *p) noexcept // transfer none
  {
    acquire (p);
    return adopt (p);
  }
  Ref (const Ref &o) noexcept : p_ (o.p_) { acquire (p_); }
  Ref (Ref &&o) noexcept : p_ (std::exchange (o.p_, nullptr)) {}
  Ref &operator= (Ref o) noexcept
  {
    std::swap (p_, o.p_);
    return *this;
  }
  ~Ref ()
  {
    if (!p_)
      return;
    if constexpr (is_mini_object<T>)
      gst_mini_object_unref (reinterpret_cast<GstMiniObject *> (p_));
    else
      g_object_unref (p_);
  }
  [[nodiscard]] T *release () noexcept
  {
    return std::exchange (p_, nullptr);
  } // to a transfer-full argument
  T *get () const { return p_; }
  T *operator->() const { return p_; }
  explicit operator bool () const { return p_ != nullptr; }

private:
  static void acquire (T *p) noexcept
  {
    if (!p)
      return;
    if constexpr (is_mini_object<T>)
      gst_mini_object_ref (reinterpret_cast<GstMiniObject *> (p));
    else
      g_object_ref (p);
  }
  T *p_ = nullptr;
};

// A buffer's bytes, mapped for reading while this lives.
class Mapped {
public:
  explicit Mapped (GstBuffer *b) : buffer_ (b), ok_ (gst_buffer_map (b, &info_, GST_MAP_READ)) {}
  ~Mapped ()
  {
    if (ok_)
      gst_buffer_unmap (buffer_, &info_);
  }
  Mapped (const Mapped &) = delete;
  Mapped &operator= (const Mapped &) = delete;
  bool ok () const { return ok_; }
  std::span<const std::uint8_t> bytes () const { return {info_.data, info_.size}; }

private:
  GstBuffer *buffer_;
  GstMapInfo info_{};
  bool ok_;
};
} // namespace reach
