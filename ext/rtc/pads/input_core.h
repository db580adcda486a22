// SPDX-License-Identifier: LGPL-2.1-or-later
// The elements of an input pad: entry, what the codec needs, sink, in a bin of their own. They
// outlive the pad where a thread is still in them.
#pragma once
#include "codec_elements.h"
#include "common/guarded.h"
#include "gstrtpsend.h"
#include "input_control.h"
#include "input_pad.h"
#include "rtp_layers.h"

namespace reach::rtc {
class InputPad::Core final : public InputChain, public std::enable_shared_from_this<Core> {
public:
  Core (InputPad &pad, InputPad::Owner &owner, MediaKind kind);

  void add (GstBin *bin, const char *name, GstPadTemplate *templ);
  void remove ();
  GstPad *pad () const { return pad_.get (); }
  std::vector<Codec> preferences () { return state_.lock ()->preferences; }
  bool select (std::span<const NegotiatedCodec> peer);

  bool on_input_caps (GstCaps *caps) override;
  void before_data () override;
  Ref<GstCaps> accepted_caps () override { return accepted_; }
  void on_rtp_caps (GstCaps *caps) override;
  MediaSource *source_of (GstBuffer *packet) override { return layers.find (packet); }
  void on_ended () override { owner_.on_input_ended (input_); }

  const std::shared_ptr<MediaSource> source;
  const std::shared_ptr<InputControl> control = std::make_shared<InputControl> ();
  RtpLayers layers{source, control};

private:
  struct State {
    InputFormat format = InputFormat::none;
    std::vector<Codec> preferences;
    std::optional<Codec> selected; // of raw media
  };
  bool set_preferences (InputFormat format, std::vector<Codec> preferences);
  bool payload (GstCaps *caps);
  bool build (Elements elements);
  void clear_chain ();
  void fail (const std::string &missing);

  InputPad &input_;
  InputPad::Owner &owner_;
  const Ref<GstCaps> accepted_;
  GstBin *outer_ = nullptr;
  Ref<GstElement> bin_, entry_, sink_;
  Ref<GstPad> pad_;
  Guarded<State> state_;

  // Streaming thread.
  InputFormat format_ = InputFormat::none;
  std::vector<Ref<GstElement>> row_; // between entry and sink
  std::string built_;                // name of an encoded stream's codec
  std::optional<Codec> encoding_;    // what raw media are made into
  bool failed_ = false;
};
} // namespace reach::rtc
