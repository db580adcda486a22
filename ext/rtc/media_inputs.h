// SPDX-License-Identifier: LGPL-2.1-or-later
// The media sink pads of a bin, for any number of sessions. Each is a track, or a layer of one.
#pragma once
#include "bin_host.h"
#include "pads/input_pad.h"
#include "peer/peer_session.h"
#include <map>

namespace reach::rtc {
// Of a template video_%u or audio_%u.
inline MediaKind media_kind_of (GstPadTemplate *t)
{
  return g_str_has_prefix (GST_PAD_TEMPLATE_NAME_TEMPLATE (t), "audio") ? MediaKind::audio
                                                                        : MediaKind::video;
}

class MediaInputs final : public InputPad::Owner {
public:
  struct Options {
    unsigned min_bitrate = 0, max_bitrate = 0; // bit/s
    bool adapt = false;
  };
  // changed: an input's formats are known, or others; on the loop.
  MediaInputs (BinHost &host, std::function<void ()> changed)
      : host_ (host), changed_ (std::move (changed))
  {
  }
  ~MediaInputs () override;

  // Application thread.
  // Without a name it gets one that begins as the template does.
  GstPad *request (GstPadTemplate *templ, const char *name, MediaKind kind);
  // False: none of these. `gone` on the loop, before the source is.
  bool release (GstPad *pad, const std::function<void (const MediaSource *)> &gone);
  void release_all ();
  void configure (const Options &options);
  void mute (MediaKind kind, bool on); // of all sessions
  bool muted (MediaKind kind) const { return muted_[kind == MediaKind::audio]; }

  // Loop thread.
  bool ready () const; // each one's formats are known
  // Adds to the session what it does not have yet and takes away what is muted. early: also those
  // whose formats are not known yet. one_codec: what each is sent as first of all and no other, so
  // that all sessions get the same.
  struct How {
    bool early = false, one_codec = false;
    Direction direction = Direction::sendrecv;
    std::string stream;                          // of a=msid
    bool mute_video = false, mute_audio = false; // for this session
  };
  void update (PeerSession &session, const How &how);
  // What was agreed upon decides how raw media are encoded. Words for what the peer does not take.
  std::vector<std::string> select (PeerSession &session, const Negotiated &n);
  // What the network carries, for encoders: 0 is no news. Of each video track the same; its layers
  // share that by their size, and those of `session` there is no room for are not sent to it.
  void set_bitrate (unsigned bits_per_second, PeerSession *session = nullptr);
  std::size_t size () const { return inputs_.size (); }

private:
  struct Input {
    std::unique_ptr<InputPad> pad;
    std::string track; // its id, where it is a track of its own
    MediaKind kind = MediaKind::video;
    std::string told; // what is wrong with it, as it was told last
  };
  // What is to be sent, on the loop: pads without a rid, layers of pads, layers in a pad's RTP.
  struct Stream {
    Input *input = nullptr;
    std::shared_ptr<MediaSource> source;
    std::string track, rid; // rid: of a layer
  };
  using Streams = std::vector<Stream>;
  Streams streams ();
  bool is_usable (const Stream &s, const Streams &before);
  void add (PeerSession &session, const How &how, const Streams &all, const Stream &s);
  static std::vector<Codec> preferences (const Streams &all, const std::string &track);
  void share (const Streams &layers, unsigned bitrate, PeerSession *session);
  void complain (Input &input, const std::string &what);
  void watch (GstPad *pad);
  void later (); // changed_ (), on the loop. Any thread
  void on_input_formats (InputPad &pad) override;

  BinHost &host_;
  const std::function<void ()> changed_;
  Guarded<std::map<GstPad *, std::shared_ptr<Input>>> pads_;
  Guarded<Options> options_;
  std::atomic<bool> muted_[2] = {false, false}; // video, audio
  // Loop thread, or nobody else is there.
  std::vector<std::shared_ptr<Input>> inputs_;
  std::map<std::string, std::string> tracks_; // of layers: their ids, by what pads call them
};
} // namespace reach::rtc
