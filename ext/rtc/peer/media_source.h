// SPDX-License-Identifier: LGPL-2.1-or-later
// One payloaded stream, and the peers it goes to: encoded and payloaded once, for any number of
// them. Where a packet leaves the pipeline.
#pragma once
#include "common/guarded.h"
#include "common/proto/bytes.h"
#include "common/proto/time.h"
#include "rtc/proto/media_types.h"
#include "rtc/proto/rtp_handle.h"
#include <atomic>
#include <gst/gst.h>
#include <memory>
#include <span>
#include <vector>

namespace reach::rtc {
// An RTP packet in one piece, shared by all that send it or may have to send it again.
struct SourcePacket {
  Handle owner;
  Bytes bytes; // its view ()
  static SourcePacket copy_of (Bytes bytes);
};

class MediaSource {
public:
  // The way to one peer.
  class Output {
  public:
    virtual ~Output () = default;
    // Streaming thread; never waits. captured: when what is in the packets was, on the clock that
    // time.h has.
    virtual void send (std::span<const SourcePacket> packets, TimePoint captured) = 0;
    // Any thread: codec () or level_id () is another.
    virtual void codec_changed () = 0;
  };
  // What makes the stream. Loop thread; must not wait for a streaming thread.
  class Owner {
  public:
    virtual ~Owner () = default;
    virtual void on_keyframe_wanted () = 0;
    virtual void on_bitrate (unsigned bits_per_second) = 0; // what the peers have room for
  };

  explicit MediaSource (MediaKind kind) : kind_ (kind) {}

  MediaKind kind () const { return kind_; }
  // Any thread. Nobody: the stream has no maker, or not any more.
  void set_owner (Owner *owner)
  {
    owner_.update ([owner] (Owner *&o) { o = owner; });
  }
  // False: the last was asked for so short a time ago that it may be the same; again later. Any
  // number of peers ask.
  bool request_keyframe ();
  void set_bitrate (unsigned bits_per_second);

  // What the packets are: name, clock rate, channels, fmtp, and their payload type.
  void set_codec (Codec codec);
  Codec codec () { return *codec_.lock (); }

  // Any thread. Of a video's picture; 0: not known.
  void set_pixels (std::uint32_t pixels) { pixels_ = pixels; }
  std::uint32_t pixels () const { return pixels_; }

  // Any thread. The id of the header extension in the packets that has the level of their sound
  // (RFC 6464); 0: they have none.
  void set_level_id (std::uint8_t id);
  std::uint8_t level_id () const { return level_id_; }

  void add (std::shared_ptr<Output> output);
  void remove (const Output *output); // it may still be in a send () of another thread
  std::size_t outputs () { return outputs_.lock ()->size (); }

  // Streaming thread. Buffers of one RTP packet each; those that are none are dropped.
  void push (GstBuffer *buffer, TimePoint captured);
  void push (GstBufferList *list, TimePoint captured);

private:
  using Outputs = std::vector<std::shared_ptr<Output>>;
  void tell_changed ();
  // shared: other sources may get these buffers.
  void push (std::span<GstBuffer *const> buffers, bool shared, TimePoint captured);

  const MediaKind kind_;
  std::atomic<std::uint32_t> pixels_{0};
  std::atomic<std::uint8_t> level_id_{0};
  // Held while the owner is called, so that it can go at any time after set_owner ().
  Guarded<Owner *> owner_{nullptr};
  Guarded<Codec> codec_;
  std::atomic<std::int64_t> keyframe_wanted_{0}; // when last, on the monotonic clock
  Guarded<Outputs> outputs_;
  std::vector<SourcePacket> batch_; // of the streaming thread
  Outputs now_;                     // likewise
};
} // namespace reach::rtc
