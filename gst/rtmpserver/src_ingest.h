// SPDX-License-Identifier: LGPL-2.1-or-later
// One publisher of an rtmpserversrc: its messages to frames of pads. Loop thread.
#pragma once
#include "back_pressure.h"
#include "common/rate_meter.h"
#include "flv_output.h"
#include "net/ingest.h"
#include "proto/limits.h"
#include "proto/stream_params.h"
#include "proto/timeline.h"

namespace reach::rtmp {
class SrcIngest final : public Ingest {
public:
  static constexpr std::size_t max_tracks = 32;
  // Tracks that nobody has announced, or that do not come, are waited for so long.
  static constexpr Duration patience = milliseconds (900);

  using Ended = std::function<void (SrcIngest &, PublishEnd)>;
  // `hold` stops reading from the publisher, and resumes it.
  SrcIngest (SrcPads &pads, Loop &loop, const Limits &limits, std::string stream_id,
      std::function<void (bool)> hold, Ended ended);

  void message (const Message &m, TimePoint arrived) override;
  void flush () override;
  void ended (PublishEnd how) override;
  bool ahead (TimePoint now) override { return !back_pressure_.live_at (now); }
  Flow flow (TimePoint now) override;

  struct Counters {
    std::uint64_t messages = 0, bytes = 0;
    std::uint64_t unknown = 0;   // of codecs and packet types that are not known
    std::uint64_t malformed = 0; // parts of messages
    std::uint64_t early = 0;     // frames before their track's configuration
    std::uint64_t held = 0;      // how often it was held back
  };
  Counters counters () const;
  TimePoint heard () const { return heard_; } // when its newest message came, or it began

private:
  using Key = std::pair<TrackPad::Kind, unsigned>;
  struct Track {
    StreamParams params;
    std::shared_ptr<TrackPad> pad; // from the first caps on
    std::string tags;              // as they were told
    std::uint64_t dropped = 0;     // by the pad, for publishers before
  };
  void media (const Message &m, TimePoint arrived);
  void data (const Message &m, TimePoint arrived);
  void packet (const TrackPacket &p, Bytes body, const Timeline::Stamp &at);
  void configure (Key key, Track &t, Ref<GstCaps> caps);
  void metadata (const Metadata &m);
  void apply_metadata (Key key, Track &t);
  const TrackInfo *info_of (Key key) const;
  void sample (const Timeline::Stamp &at, TimePoint arrived);
  void check_complete ();
  void complete ();
  Track *track_of (Key key);

  SrcPads &pads_;
  const Limits limits_;
  const std::string stream_id_;
  const Ended ended_;
  std::shared_ptr<PublisherClock> clock_ = std::make_shared<PublisherClock> ();
  Timeline timeline_;
  FlvOutput flv_;
  std::map<Key, Track> tracks_;
  std::optional<Metadata> metadata_;
  BackPressure back_pressure_;
  Timer patience_;
  TimePoint heard_ = Clock::now ();
  std::int64_t first_ = 0; // arrival of the first message, monotonic, ns
  std::vector<TrackPacket> packets_;
  RateMeter frames_{heard_}; // of video
  Counters counters_;
  bool complete_ = false;
};
} // namespace reach::rtmp
