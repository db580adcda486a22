// SPDX-License-Identifier: LGPL-2.1-or-later
// One element, rtcpeer or webrtcbin, in a call: the same code for both, as an application has it.
// What the two sides of a call say to each other goes over a Wire.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <gst/gst.h>
#include <mutex>
#include <string>
#include <thread>

namespace reach::bench {
struct Note {
  unsigned call = 0;
  char kind = 0;     // 'o' offer, 'a' answer, 'c' candidate
  unsigned line = 0; // of a candidate
  std::string text;
};

class Wire {
public:
  virtual ~Wire () = default;
  virtual void send (const Note &note) = 0; // any thread
  // Called on a thread of the wire, or of who sends.
  std::function<void (const Note &)> on_note;
};

// Between two processes: a stream socket of the Unix domain.
class SocketWire final : public Wire {
public:
  // One listens at `path`, and waits for the other; a path that cannot be used ends the program.
  SocketWire (const std::string &path, bool listens);
  ~SocketWire () override;
  void send (const Note &note) override;
  void start (); // on_note is set

private:
  void read_all ();
  int fd_ = -1;
  std::mutex writing_;
  std::thread reader_;
};

// Within a process: what one end sends the other hears at once.
class LocalWire final : public Wire {
public:
  LocalWire *other = nullptr;
  void send (const Note &note) override
  {
    if (other && other->on_note)
      other->on_note (note);
  }
};

class Call {
public:
  // element: in READY or below. Offers when negotiation is needed, where it offers.
  Call (GstElement *element, unsigned number, Wire &wire, bool offers);
  ~Call ();
  Call (const Call &) = delete;
  Call &operator= (const Call &) = delete;

  void offer (); // once; on-negotiation-needed does it, too
  void hear (const Note &note);
  // Not to offer by itself: it is done by offer ().
  void set_waiting (bool on) { waiting_ = on; }
  bool wanted () const { return wanted_; } // negotiation was needed while it waited
  bool connected () const;
  GstElement *element () const { return element_; }

private:
  static void needed_cb (GstElement *, gpointer self);
  static void candidate_cb (GstElement *, guint line, const char *text, gpointer self);
  static void made_cb (GstPromise *promise, gpointer self);
  static void heard_cb (GstPromise *promise, gpointer self);

  GstElement *const element_;
  const unsigned number_;
  Wire &wire_;
  const bool offers_;
  std::atomic<bool> offered_{false}, waiting_{false}, wanted_{false};
};

// With what makes the two comparable: media as RTP, one transport, no limit by an estimate.
GstElement *make_peer (const std::string &factory, unsigned latency_ms);
} // namespace reach::bench
