// SPDX-License-Identifier: LGPL-2.1-or-later
// A source pad between the loop thread that brings its buffers and the streaming thread, of its own
// or shared, that pushes them: a bounded mailbox, the mapping of times, and GAPs while nothing
// comes.
#pragma once
#include "common/guarded.h"
#include "common/proto/clock_map.h"
#include "common/proto/slice.h"
#include "common/ref.h"
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace reach::rtmp {
class PadThread;
class TrackPad;
using PublisherClock = Guarded<ClockMap>; // a publisher's stream time to monotonic time

// What a pad needs of its element; any thread.
class PadHost {
public:
  virtual ~PadHost () = default;
  virtual std::int64_t running_time_of (std::int64_t monotonic_ns) = 0; // RunningClock::none
  virtual Duration latency () = 0;
  virtual void pad_flow_error (TrackPad &pad, GstFlowReturn flow) = 0;
};

class TrackPad : public std::enable_shared_from_this<TrackPad> {
public:
  enum class Kind : std::uint8_t { audio, video, data, flv };
  struct Limits {
    std::size_t bytes = 16u << 20; // that wait for downstream
    Duration time = seconds (3);   // that a buffer waits there
  };
  static constexpr std::size_t max_items = 20000;
  // A stream that brings nothing for so long is filled with GAP events, so that muxers and mixers
  // go on.
  static constexpr Duration silence = milliseconds (500);
  // What waits for downstream, and how much of it holds a publisher back, and no longer does.
  struct Backlog {
    std::size_t bytes = 0, buffers = 0;
    Duration span{}; // of stream time
  };
  static constexpr Backlog high{8u << 20, 0, seconds (2)}, low{4u << 20, 0, seconds (1)};

  TrackPad (PadHost &host, Kind kind, unsigned number, std::string stream_id, guint group_id);
  ~TrackPad ();

  // Loop thread.
  void caps (Ref<GstCaps> caps);
  void tags (Ref<GstTagList> tags);
  struct Frame {
    Ref<GstBuffer> buffer;
    std::int64_t pts, dts; // stream time, ns
    bool key = true;       // decoding can begin here
    bool keep = false;     // not to be dropped, unless there are too many: headers
    bool vital = false;    // not even then
    bool discont = false;
  };
  void frame (Frame f);
  // What waits may do so for any time: the publisher waits too.
  void set_patient (bool on) { patient_ = on; }
  void flush ();                                      // what came together is pushed
  void begin (std::shared_ptr<PublisherClock> clock); // a publisher; also the first
  void end ();                                        // EOS
  void event_first (GstEvent *e); // the same, in front of the buffers if the pad has not started
  void event (GstEvent *e);       // transfer full; any thread

  // Element.
  // Not added yet. It keeps this.
  GstPad *make (GstElement *element);
  GstPad *pad () const { return pad_.get (); }
  void preset (); // what is known already, so that who links in pad-added sees it
  void share (PadThread *thread) { shared_ = thread; } // before it starts; null: its own thread
  void start ();                                       // the streaming thread, once
  void reset ();   // to as it was new; the streaming thread is stopped
  void release (); // the pad, which has been removed
  void set_playing (bool on);
  void set_flushing (bool on);
  GstStream *stream () const { return stream_.get (); }
  const Kind kind;
  const unsigned number;
  const std::string stream_id;
  bool has_caps () const { return static_cast<bool> (caps_); } // loop thread
  struct Totals {
    std::uint64_t frames = 0, bytes = 0, dropped = 0;
  };
  Backlog backlog ();
  // Calls `f` once, from the streaming thread, when what waits has become little, or nothing.
  void when_drained (std::function<void ()> f);
  Totals totals () const { return {frames_, bytes_, dropped_}; }

  // The shared streaming thread.
  bool mark_ready () { return !ready_.exchange (true); } // any thread; false: it was
  bool push_waiting (); // true: more waits, and others have their turn first
  void look_for_silence ();

private:
  struct Item {
    enum class What : std::uint8_t { buffer, event, clock, eos };
    What what = What::event;
    GstMiniObject *object = nullptr; // owned
    std::int64_t pts = 0, dts = 0;
    std::size_t size = 0;
    bool keep = false, vital = false;
    TimePoint arrived{};
    std::shared_ptr<PublisherClock> clock;
  };
  struct State {
    std::deque<Item> items;
    std::size_t bytes = 0, buffers = 0;
    std::int64_t oldest = 0, newest = 0; // stream time of buffers
    std::function<void ()> drained;
    bool little = false; // when that was set
    bool playing = false, flushing = false, started = false;
    // For a shared thread.
    Ref<GstPad> pad;     // while it has started
    bool failed = false; // downstream
  };
  static TrackPad &of (GstPad *pad);
  static void run (gpointer pad);
  static gboolean activate (GstPad *pad, GstObject *, GstPadMode mode, gboolean active);
  static gboolean query (GstPad *pad, GstObject *parent, GstQuery *q);
  static gboolean handle (GstPad *pad, GstObject *parent, GstEvent *e);

  static void clear (State &s);
  static Backlog backlog_of (const State &s);
  static bool is_little (const State &s);
  void put (Item item);
  static std::size_t drop_buffers (State &s); // all that may be
  std::size_t overflow (State &s);
  static std::size_t drop_superseded (State &s);
  bool step ();
  bool take (Item &item);
  bool take_waiting (Item &item);
  std::function<void ()> pop (State &s, Item &item);
  void wake ();
  bool apply (Item &item);
  bool push (Item &item);
  void push_sticky ();
  void place (GstBuffer *b, const Item &item);
  void fill_silence ();

  PadHost &host_;
  const guint group_id_;
  Ref<GstStream> stream_;
  Ref<GstPad> pad_;
  Guarded<State> state_;
  PadThread *shared_ = nullptr;
  std::atomic<bool> ready_{false};
  std::atomic<bool> unlinked_{false}; // nobody takes it: what comes is not even queued
  std::atomic<std::uint64_t> frames_{0}, bytes_{0}, dropped_{0};

  // Loop thread.
  std::vector<Item> staged_;
  Ref<GstCaps> caps_;
  bool need_key_ = true, discont_ = false, patient_ = false;

  // Streaming thread; before it starts, the thread that makes the pad.
  std::shared_ptr<PublisherClock> clock_;
  bool sticky_done_ = false, segment_done_ = false, eos_ = false;
  std::int64_t end_ = -1;  // running time up to which downstream has data or gaps
  std::int64_t last_ = -1; // running time of the last buffer
  TimePoint pushed_{};     // for a shared thread
};
const char *pad_name_format (TrackPad::Kind k);
} // namespace reach::rtmp
