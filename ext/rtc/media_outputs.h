// SPDX-License-Identifier: LGPL-2.1-or-later
// The media src pads of one session. What was negotiated says which there are; they are made where
// the application may be called, on the events thread, and fed on the loop.
#pragma once
#include "bin_host.h"
#include "pads/output_pad.h"
#include "peer/peer_session.h"
#include <map>

namespace reach::rtc {
class MediaOutputs final : public OutputPad::Owner,
                           public std::enable_shared_from_this<MediaOutputs> {
public:
  struct Options {
    Duration latency{};
    bool depayload = true;
    bool keep = false; // pads stay when their peer goes, for the next one
    // Pads of all that the element has, at most 1,024; null: these are all. Loop thread.
    std::shared_ptr<std::size_t> all;
  };
  struct Described {
    std::string peer, mid, rid, description;
    MediaKind kind = MediaKind::video;
  };
  // A pad is there, before the element tells of it. Events thread.
  using Prepare = std::function<void (GstPad *, const Described &)>;

  MediaOutputs (BinHost &host, const Options &options, Prepare prepare = {});
  ~MediaOutputs () override;

  // Loop thread.
  void set_peer (const std::string &peer, const std::string &description);
  void update (PeerSession &session, const Negotiated *n);
  void feed (PeerSession &session, std::span<ReceivedPacket> packets); // of one track
  void set_latency (Duration latency);
  void leave (); // the session is over: pads end, or stay idle
  std::size_t size () const { return outputs_.size (); }
  // Neither on the loop, nor from a pad's thread. All pads end; nothing is told any more.
  void end ();

private:
  struct Output {
    MediaKind kind = MediaKind::video;
    std::string mid, rid, stream, name;
    std::optional<TrackKey> track; // none: its peer has gone
    OutputPad *pad = nullptr;      // null: on its way
    std::vector<ReceivedPacket> early;
    std::optional<Codec> codec;        // of what came last
    bool codec_told = false;           // to the pad
    std::atomic<bool> unwanted{false}; // before it was made
  };
  // Pads that there are. Whoever takes one out of it ends it; not on the loop.
  struct Made {
    std::map<const Output *, std::unique_ptr<OutputPad>> pads;
    bool ended = false;
  };
  void use (PeerSession &session, Output &o, const NegotiatedMedia &m, TrackKey key);
  void make (const std::shared_ptr<Output> &o); // events thread
  void made (const std::shared_ptr<Output> &o, OutputPad *pad);
  void drop (const std::shared_ptr<Output> &o);
  void dropped ();
  bool room () const;
  void sync (PeerSession &session);
  void take (Output &o, std::span<ReceivedPacket> packets);
  void push (Output &o, std::span<ReceivedPacket> packets);
  void on_keyframe_wanted (OutputPad &pad) override;

  BinHost &host_;
  Loop &loop_;
  const Prepare prepare_;
  Options options_;
  std::string peer_, description_;
  std::vector<std::shared_ptr<Output>> outputs_;
  std::vector<OutputPad::Packet> pushing_; // of push ()
  PeerSession *session_ = nullptr;         // that feeds us
  TimePoint synced_{};
  std::size_t ending_ = 0; // pads that the events thread is to take away
  bool left_out_ = false;  // a track has no pad, as there was no room
  bool too_many_told_ = false;
  Guarded<Made> made_;
};
} // namespace reach::rtc
