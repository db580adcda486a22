// SPDX-License-Identifier: LGPL-2.1-or-later
// Layers of simulcast in the RTP of one pad, as webrtcbin takes them from rtpfunnel: the caps have
// a-simulcast="send h;l", rid-h=send, rid-l=send and an extmap of the rid extension (RFC 8852),
// which the packets of each SSRC begin with. Without these fields all is one stream.
#pragma once
#include "common/guarded.h"
#include "input_control.h"
#include "input_pad.h"

namespace reach::rtc {
class RtpLayers {
public:
  // first: of the only stream, or the first layer; its owner is another.
  RtpLayers (std::shared_ptr<MediaSource> first, std::shared_ptr<InputControl> control);
  ~RtpLayers ();

  // Any thread.
  std::vector<InputPad::Layer> layers () { return *layers_.lock (); }
  std::uint32_t first_ssrc () const
  {
    return first_ssrc_;
  } // 0: it is not a layer, or not known yet
  void clear_owners ();

  // Streaming thread. True: they are others.
  bool set_caps (const GstStructure *caps);
  MediaSource *find (GstBuffer *packet); // null: of no layer that is known

private:
  class Owner;
  struct Known {
    std::uint32_t ssrc = 0;
    MediaSource *source = nullptr; // of layers_
  };
  void learn (std::uint32_t ssrc, std::string_view rid);

  const std::shared_ptr<MediaSource> first_;
  const std::shared_ptr<InputControl> control_;
  Guarded<std::vector<InputPad::Layer>> layers_;
  std::atomic<std::uint32_t> first_ssrc_{0};
  std::vector<std::unique_ptr<Owner>> owners_; // of layers behind the first
  // Streaming thread.
  std::uint8_t rid_id_ = 0; // 0: there are no layers
  std::vector<Known> known_;
};
} // namespace reach::rtc
