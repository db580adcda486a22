// SPDX-License-Identifier: LGPL-2.1-or-later
// One stream inside camreceiver, between the loop thread that brings it and the pad's streaming
// thread that pushes it: the bounded mailbox, the mapping of times, and what is done while nothing
// comes.
#pragma once
#include "cam/net/remote.h"
#include "common/ref.h"
#include <deque>
#include <functional>
#include <gst/gst.h>

namespace reach::cam {

// What the pad needs of its element; every function from any thread.
class PadHost {
public:
  virtual ~PadHost () = default;
  virtual std::int64_t running_time_of (std::int64_t monotonic_ns) = 0; // no_time unless PLAYING
  virtual void key_wanted (std::uint64_t remote, std::uint16_t stream) = 0;
  virtual void consumed (std::uint64_t remote, MediaType type, std::size_t bytes) = 0;
  virtual void pad_finished (class PadOutput *pad) = 0; // its EOS is out and the stream is closed
  virtual void pad_dropped (class PadOutput *pad, std::uint64_t frames) = 0;
  virtual void pad_flow_error (class PadOutput *pad, GstFlowReturn flow) = 0;
};

struct PadLimits {
  std::size_t max_bytes = 16 << 20; // what waits for downstream
  Duration max_time = seconds (1);  // that a frame may wait there
  std::size_t report = 1 << 20;     // consumed bytes between two reports
  bool keep_listening = false;
};

class PadOutput final : public Output {
public:
  PadOutput (PadHost &host, PadLimits limits, const Remote &r, const StreamInfo &info,
      std::string stream_id, guint group_id);
  ~PadOutput () override;

  // Loop thread (Output).
  void caps (std::string text) override;
  void tags (Bytes text, bool global) override;
  void frame (const FrameHeader &h, Incoming m) override;
  void gap (std::int64_t pts, std::int64_t duration) override;
  void flush () override;
  void eos () override;
  void broken () override;
  void resumed (
      std::shared_ptr<RunClock> clock, std::uint64_t session_key, std::uint16_t stream) override;
  void close () override;

  // Any thread.
  void set_pad (GstPad *pad) { pad_ = pad; } // before the pad is active
  GstPad *pad () const { return pad_; }
  void set_playing (bool on);
  void set_flushing (bool on);
  void push_event (GstEvent *e); // transfer full; somewhere among the frames
  void send_eos ();              // the application ends it
  void want_key ();              // downstream asks for a key frame
  void
  preset_sticky (); // stream-start, caps and tags that are known already; before streaming starts

  // Streaming thread: one item. False: nothing more to do until the next activation.
  bool step ();

  const std::uint64_t remote;
  const std::string guid;
  const MediaType type;
  const std::uint16_t index;
  const std::string stream_id;
  GstStream *stream () const { return stream_.get (); }
  std::uint64_t session_key () const { return session_key_; }
  struct Totals {
    std::uint64_t frames = 0, bytes = 0, lost = 0, dropped = 0;
  };
  Totals totals () const;

private:
  struct Item {
    enum class What { buffer, event, gap, eos, broken, resumed, close };
    What what = What::event;
    GstMiniObject *object = nullptr; // owned
    std::int64_t pts = no_time, dts = no_time;
    std::size_t size = 0; // counted towards credit
    TimePoint arrived{};
  };
  struct State {
    std::deque<Item> items;
    std::size_t bytes = 0;
    bool playing = false, flushing = false;
    std::shared_ptr<RunClock> clock;
  };
  struct Counters {
    std::atomic<std::uint64_t> frames{0}, bytes{0}, lost{0}, dropped{0};
  };
  void put (Item item);
  void put_in_order (Item item);
  std::uint64_t overflow (State &s);
  static void clear (std::deque<Item> &items);
  bool too_long (const State &s, TimePoint now) const;
  bool refill ();
  bool handle (Item &item);
  void push_sticky ();
  bool push_buffers ();
  GstBuffer *finish (const Item &item);
  bool went_on (GstFlowReturn flow);
  void push_gap (std::int64_t pts, std::int64_t duration);
  void fill_silence ();
  void note_consumed (std::size_t bytes);
  std::int64_t out_time (std::int64_t remote_ts);
  std::int64_t place (std::int64_t reference);

  PadHost &host_;
  const PadLimits limits_;
  Ref<GstStream> stream_;
  GstPad *pad_ = nullptr;
  const guint group_id_;
  std::atomic<std::uint64_t> session_key_;
  Guarded<State> state_;
  Counters counters_;
  std::atomic<std::uint16_t> stream_id_at_sender_;
  std::atomic<bool> flushing_{false};

  // Loop thread.
  std::vector<Item> staged_; // frames of this round
  std::optional<std::uint32_t> last_seq_;
  bool need_key_ = false;
  Ref<GstCaps> caps_; // what the stream has now
  Ref<GstTagList> tags_, global_tags_;
  bool raw_ = false; // samples, which need to be aligned

  // Streaming thread.
  std::deque<Item> batch_; // taken out of the mailbox, being pushed
  std::shared_ptr<RunClock> clock_;
  bool sticky_done_ = false, have_caps_ = false, discont_ = false, eos_sent_ = false;
  std::int64_t end_ = no_time; // running time up to which downstream has data or gaps
  std::size_t unreported_ = 0;
  std::int64_t mapped_ = no_time, mapped_to_ = no_time; // of the present list
};
} // namespace reach::cam
