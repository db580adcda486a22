// SPDX-License-Identifier: LGPL-2.1-or-later
// Calls over a network that a test makes bad: all packets of both pass a proxy.
#pragma once
#include "../udp_relay.h"
#include "rtc/proto/candidate.h"
#include "rtc_call.h"

namespace reach::test {
// `b` is reached by the proxy alone, and answers where packets come from.
class BadNetwork {
public:
  explicit BadNetwork (const impair::Profile &profile, std::uint64_t seed = 1)
      : profile_ (profile), seed_ (seed)
  {
  }
  void carry (Wiring &wiring) // which must end first
  {
    wiring.rewrite = [this] (bool of_a, const std::string &text) { return told (of_a, text); };
  }
  // What becomes of a candidate; empty: it is lost.
  std::string told (bool of_a, const std::string &text)
  {
    return of_a ? std::string () : by_proxy (text);
  }
  bool ready ()
  {
    return there_.wait ([] (bool b) { return b; });
  }
  UdpRelay &proxy () { return *proxy_; }       // once ready
  decltype (impair::Options::observe) observe; // of all packets; before anything plays

private:
  // One host candidate of UDP and IPv4 becomes the proxy; there are no others. On the thread that
  // has all signals.
  std::string by_proxy (const std::string &text)
  {
    auto c = rtc::parse_candidate (text);
    if (proxy_ || !c || c->tcp || c->type != rtc::CandidateType::host ||
        c->address.find (':') != std::string::npos)
      return {};
    proxy_ = std::make_unique<UdpRelay> (c->port, profile_, seed_, observe, c->address);
    c->port = proxy_->port ();
    there_.set (true);
    return to_string (*c);
  }
  const impair::Profile profile_;
  const std::uint64_t seed_;
  Watched<bool> there_;
  std::unique_ptr<UdpRelay> proxy_;
};

// Each value that has this name in W3C's statistics.
inline void each_stat (GstElement *peer, const char *name, const std::function<void (double)> &take)
{
  GstPromise *p = gst_promise_new ();
  g_signal_emit_by_name (peer, "get-stats", nullptr, p);
  fail_unless (gst_promise_wait (p) == GST_PROMISE_RESULT_REPLIED);
  const GstStructure *all = gst_promise_get_reply (p);
  for (int i = 0; i < gst_structure_n_fields (all); i++) {
    const GValue *v =
        gst_structure_get_value (all, gst_structure_nth_field_name (all, static_cast<guint> (i)));
    const GValue *n = GST_VALUE_HOLDS_STRUCTURE (v)
                          ? gst_structure_get_value (gst_value_get_structure (v), name)
                          : nullptr;
    GValue number = G_VALUE_INIT;
    g_value_init (&number, G_TYPE_DOUBLE);
    if (n && g_value_transform (n, &number))
      take (g_value_get_double (&number));
  }
  gst_promise_unref (p);
}

inline guint64 sum_of_stats (GstElement *peer, const char *name)
{
  double sum = 0;
  each_stat (peer, name, [&sum] (double x) { sum += x; });
  return static_cast<guint64> (sum);
}

inline double greatest_of_stats (GstElement *peer, const char *name)
{
  double most = 0;
  each_stat (peer, name, [&most] (double x) { most = std::max (most, x); });
  return most;
}

// Buffers that went into a pad of the peer.
class Sent {
public:
  Sent (Caller &c, const char *pad) : Sent (c.peer, pad) {}
  Sent (GstElement *peer, const char *pad)
      : pad_ (Ref<GstPad>::adopt (gst_element_get_static_pad (peer, pad)))
  {
    fail_unless (bool (pad_), "%s", pad);
    probe_ = gst_pad_add_probe (
        pad_.get (), GST_PAD_PROBE_TYPE_BUFFER,
        [] (GstPad *, GstPadProbeInfo *, gpointer self) {
          static_cast<Sent *> (self)->n_++;
          return GST_PAD_PROBE_OK;
        },
        this, nullptr);
  }
  ~Sent () { gst_pad_remove_probe (pad_.get (), probe_); }
  Sent (const Sent &) = delete;
  Sent &operator= (const Sent &) = delete;
  unsigned count () const { return n_; }

private:
  const Ref<GstPad> pad_;
  gulong probe_ = 0;
  std::atomic<unsigned> n_{0};
};
} // namespace reach::test
