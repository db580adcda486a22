// SPDX-License-Identifier: LGPL-2.1-or-later
#include "media_source.h"
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <new>

namespace reach::rtc {
namespace {
// Payloaders make a memory for the header and one for the payload; peers need them in one piece,
// for longer than the buffer may live. So they are copied once, whatever the number of peers.
struct Block {
  std::atomic<unsigned> references{1};
  std::size_t size = 0;
  std::uint8_t *bytes () { return reinterpret_cast<std::uint8_t *> (this + 1); }
  Bytes view () { return {bytes (), size}; }
};
void ref (void *p)
{
  static_cast<Block *> (p)->references.fetch_add (1, std::memory_order_relaxed);
}
void unref (void *p)
{
  auto *b = static_cast<Block *> (p);
  if (b->references.fetch_sub (1, std::memory_order_acq_rel) == 1)
    ::operator delete (b);
}
Bytes view (void *p)
{
  return static_cast<Block *> (p)->view ();
}
constexpr Handle::Type block_type{ref, unref, view};

constexpr std::size_t max_packet = 65000;
constexpr Duration keyframe_spacing = milliseconds (100);

Block *make_block (GstBuffer *buffer, std::size_t size)
{
  auto *b = new (::operator new (sizeof (Block) + size)) Block;
  b->size = gst_buffer_extract (buffer, 0, b->bytes (), size);
  return b;
}

// Behind a tee several sources get the same buffer. The first leaves its copy there for the others.
class Copies {
public:
  // Holding a reference; null: there is none. It may be of what was in the buffer before.
  Block *find (GstBuffer *buffer)
  {
    const std::lock_guard lock (mutex_);
    auto *b =
        static_cast<Block *> (gst_mini_object_get_qdata (GST_MINI_OBJECT_CAST (buffer), quark_));
    if (b)
      ref (b);
    return b;
  }
  void leave (GstBuffer *buffer, Block *b)
  {
    ref (b);
    const std::lock_guard lock (mutex_);
    gst_mini_object_set_qdata (GST_MINI_OBJECT_CAST (buffer), quark_, b, unref);
  }

private:
  const GQuark quark_ = g_quark_from_static_string ("reach-rtc-packet");
  std::mutex mutex_; // between who takes a reference and who replaces what it is of
};

// shared: others may have it, too.
SourcePacket copy_of (GstBuffer *buffer, bool shared)
{
  static Copies copies;
  const std::size_t size = gst_buffer_get_size (buffer);
  if (size < 12 || size > max_packet)
    return {};
  Block *b = shared ? copies.find (buffer) : nullptr;
  if (b && (b->size != size || gst_buffer_memcmp (buffer, 0, b->bytes (), size) != 0)) {
    unref (b); // it was written to, or came out of a pool again
    b = nullptr;
  }
  if (!b) {
    b = make_block (buffer, size);
    if (shared)
      copies.leave (buffer, b);
  }
  return {Handle::adopt (b, block_type), b->view ()};
}
} // namespace

SourcePacket SourcePacket::copy_of (Bytes bytes)
{
  auto *b = new (::operator new (sizeof (Block) + bytes.size ())) Block;
  b->size = bytes.size ();
  std::memcpy (b->bytes (), bytes.data (), bytes.size ());
  return {Handle::adopt (b, block_type), b->view ()};
}

bool MediaSource::request_keyframe ()
{
  const std::int64_t now = Clock::now ().time_since_epoch ().count ();
  std::int64_t last = keyframe_wanted_;
  if (last != 0 && now - last < keyframe_spacing.count ())
    return false;
  if (!keyframe_wanted_.compare_exchange_strong (last, now))
    return false; // another peer, this very moment
  auto owner = owner_.lock ();
  if (*owner)
    (*owner)->on_keyframe_wanted ();
  return true;
}

void MediaSource::set_bitrate (unsigned bits_per_second)
{
  auto owner = owner_.lock ();
  if (*owner)
    (*owner)->on_bitrate (bits_per_second);
}

void MediaSource::set_codec (Codec codec)
{
  {
    auto now = codec_.lock ();
    if (*now == codec)
      return;
    *now = std::move (codec);
  }
  tell_changed ();
}

void MediaSource::set_level_id (std::uint8_t id)
{
  if (level_id_.exchange (id) != id)
    tell_changed ();
}

void MediaSource::tell_changed ()
{
  const Outputs outputs = *outputs_.lock ();
  for (const auto &o : outputs)
    o->codec_changed ();
}

void MediaSource::add (std::shared_ptr<Output> output)
{
  outputs_.lock ()->push_back (std::move (output));
}

void MediaSource::remove (const Output *output)
{
  std::shared_ptr<Output> last; // goes without the lock
  auto outputs = outputs_.lock ();
  const auto at = std::ranges::find (*outputs, output, &std::shared_ptr<Output>::get);
  if (at == outputs->end ())
    return;
  last = std::move (*at);
  outputs->erase (at);
}

void MediaSource::push (GstBuffer *buffer, TimePoint captured)
{
  push (std::span<GstBuffer *const> (&buffer, 1), !gst_buffer_is_writable (buffer), captured);
}

void MediaSource::push (GstBufferList *list, TimePoint captured)
{
  std::array<GstBuffer *, 64> some;
  const guint size = gst_buffer_list_length (list);
  for (guint at = 0; at < size;) {
    std::size_t n = 0;
    while (n < some.size () && at < size)
      some[n++] = gst_buffer_list_get (list, at++);
    push (std::span<GstBuffer *const> (some.data (), n), true, captured);
  }
}

void MediaSource::push (std::span<GstBuffer *const> buffers, bool shared, TimePoint captured)
{
  now_ = *outputs_.lock ();
  if (now_.empty ())
    return;
  for (GstBuffer *b : buffers)
    if (SourcePacket p = copy_of (b, shared); p.owner)
      batch_.push_back (std::move (p));
  for (const auto &output : now_)
    output->send (batch_, captured);
  batch_.clear ();
  now_.clear ();
}
} // namespace reach::rtc
