// SPDX-License-Identifier: LGPL-2.1-or-later
// Source pads that bring what a turnserver relays. Each has a thread of its own and a short queue:
// a slow pipeline loses buffers and holds up nobody.
#pragma once
#include "common/guarded.h"
#include "common/ref.h"
#include "turn/proto/address.h"
#include <atomic>
#include <deque>
#include <gst/gst.h>
#include <vector>

namespace reach::turn::server {
class Tap {
public:
  static constexpr std::size_t max_buffers = 1000;

  explicit Tap (GstPad *pad) : pad_ (pad) {}
  bool push (const Ref<GstBuffer> &b); // false: the queue is full
  bool activate (bool on);
  void send_eos ();

private:
  struct Box {
    std::deque<Ref<GstBuffer>> buffers;
    bool flushing = true, eos = false, ended = false;
  };
  void loop ();
  void begin ();

  GstPad *pad_; // owns us
  Guarded<Box> box_;
  bool begun_ = false; // of the pad's thread
};

class Taps {
public:
  GstPad *request (GstElement *e, GstPadTemplate *t, const char *name);
  void release (GstElement *e, GstPad *pad);
  // Any thread.
  std::size_t count () const { return count_; }
  guint64 dropped () const { return dropped_; }
  void push (
      Ref<GstBuffer> buffer, bool to_peer, const stun::Address &client, const stun::Address &peer);
  bool send_eos (); // false: there are no taps

private:
  Guarded<std::vector<Ref<GstPad>>> pads_;
  std::atomic<std::size_t> count_{0};
  std::atomic<guint64> dropped_{0};
  std::atomic<guint> next_{0};
};
} // namespace reach::turn::server
