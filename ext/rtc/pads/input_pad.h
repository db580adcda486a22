// SPDX-License-Identifier: LGPL-2.1-or-later
// A request sink pad of a bin that sends: RTP goes on as it is, encoded media are payloaded, raw
// media encoded for the peer's choice. What comes out is a MediaSource, for any number of peers.
#pragma once
#include "common/ref.h"
#include "rtc/peer/media_source.h"
#include "rtc/proto/jsep_negotiated.h"
#include <memory>
#include <span>
#include <vector>

namespace reach::rtc {
class InputPad : MediaSource::Owner {
public:
  class Owner {
  public:
    virtual ~Owner () = default;
    // Streaming thread: what can be offered is known, or has changed. preferences ().
    virtual void on_input_formats (InputPad &) = 0;
    virtual void on_input_ended (InputPad &) {} // EOS went through
  };
  // Adds the pad `name` of `templ` and its elements, in the bin's state. Application thread. `bin`
  // and `owner` outlive this.
  InputPad (GstBin *bin, Owner &owner, const char *name, GstPadTemplate *templ, MediaKind kind);
  // Removes both. Application thread; not from a callback.
  ~InputPad () override;
  InputPad (const InputPad &) = delete;
  InputPad &operator= (const InputPad &) = delete;

  // What the template of such a pad says: all that can be sent when its elements are installed.
  // Which are is not known when GStreamer looks at plugins, and its cache keeps what it saw then.
  static Ref<GstCaps> template_caps (MediaKind kind);

  GstPad *pad () const;
  // What comes out; a layer of simulcast that is in its caps has a rid.
  struct Layer {
    std::string rid;
    std::shared_ptr<MediaSource> source;
  };
  std::vector<Layer> layers () const; // any thread; at least one, and the first stays
  const std::shared_ptr<MediaSource> &source () const; // the first
  // Any thread. What this input can be sent as, in order; nothing while its caps are not known.
  // RTP: the codec of its caps; encoded: what it is, for H264 with the profiles whose decoders take
  // it too; raw: what encoders and payloaders are installed for.
  std::vector<Codec> preferences ();
  bool ready ();
  // Any thread, never waits. The peer takes these, in its order: the first that fits is sent from
  // the next buffer on. False: none fits, or the caps are not known. H264 fits by profile; the
  // level is not looked at.
  bool select (std::span<const NegotiatedCodec> peer);
  // Any thread. bit/s, 0: no limit. What encoders are set to by MediaSource::set_bitrate ().
  void set_bitrate_limits (unsigned min, unsigned max);
  // Any thread; off by default. Also the encoder of the application is set, the nearest in front of
  // this pad that has a property bitrate or target-bitrate.
  void set_adapt (bool on);

private:
  class Core;
  void on_keyframe_wanted () override;
  void on_bitrate (unsigned bits_per_second) override;

  const std::shared_ptr<Core> core_;
};
} // namespace reach::rtc
