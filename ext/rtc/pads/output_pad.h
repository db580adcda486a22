// SPDX-License-Identifier: LGPL-2.1-or-later
// A src pad of a bin for one received track: RTP comes from a loop, media leave it on a thread of
// the pad's own.
#pragma once
#include "common/ref.h"
#include "gstrtpreceive.h"
#include <functional>

namespace reach::rtc {
class OutputPad : OutputHost {
public:
  class Owner {
  public:
    virtual ~Owner () = default;
    // A ForceKeyUnit event of downstream, the depayloader after a loss, or packets had to be
    // dropped. A streaming thread, or one that sends events upstream.
    virtual void on_keyframe_wanted (OutputPad &) = 0;
  };
  // Adds the pad `name` of `templ` and its elements, in the bin's state. Not on the loop: who is
  // told of the pad may take time. `bin` and `owner` outlive this. depayload: media are given out,
  // else RTP.
  // prepare: called with the pad before anybody is told of it.
  using Prepare = std::function<void (GstPad *)>;
  OutputPad (GstBin *bin, Owner &owner, std::string name, GstPadTemplate *templ, MediaKind kind,
      bool depayload, std::string stream_id, const Prepare &prepare = {},
      Ref<GstTagList> tags = {});
  // Sends EOS, unless downstream is stuck, which a flush then ends; removes the pad and ends its
  // thread. Neither on the loop nor on the pad's own thread.
  ~OutputPad () override;
  OutputPad (const OutputPad &) = delete;
  OutputPad &operator= (const OutputPad &) = delete;

  GstPad *pad () const { return pad_.get (); }

  // What follows is for any thread, the loop's too, and never waits.

  // What the packets from now on are.
  void set_codec (const Codec &codec);
  // Complete RTP packets, in order; they are taken. time: of its timestamp, on the monotonic clock.
  // Dropped, and counted, while the bin is not PAUSED or PLAYING; and when 4,096 packets or 8 MiB
  // wait: of video all up to the next key frame, of audio the older half.
  using Packet = PacketQueue::Packet;
  void push (std::span<Packet> packets);
  // What downstream's latency is calculated with: packets are pushed so long after their `time`.
  void set_latency (Duration latency);
  // Added to the time of each packet that is pushed from now on.
  void set_delay (Duration delay);
  // EOS behind the packets that came. The next push () begins a new stream.
  void end ();
  using Counts = PacketQueue::Counts;
  Counts counts ();

private:
  static gboolean activate (GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active);
  gboolean deactivate (GstObject *parent, GstPadMode mode);
  void on_keyframe_wanted () override { owner_.on_keyframe_wanted (*this); }

  GstBin *bin_;
  Owner &owner_;
  std::atomic<std::int64_t> delay_{0};
  PacketQueue queue_{{}};
  Ref<GstElement> elements_;
  Ref<GstPad> pad_;
};
} // namespace reach::rtc
