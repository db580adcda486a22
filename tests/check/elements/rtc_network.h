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
    wiring.rewrite = [this] (bool of_a, const std::string &text) {
      return of_a ? std::string () : by_proxy (text);
    };
  }
  bool ready ()
  {
    return there_.wait ([] (bool b) { return b; });
  }
  UdpRelay &proxy () { return *proxy_; } // once ready

private:
  // One host candidate of UDP and IPv4 becomes the proxy; there are no others. On the thread that
  // has all signals.
  std::string by_proxy (const std::string &text)
  {
    auto c = rtc::parse_candidate (text);
    if (proxy_ || !c || c->tcp || c->type != rtc::CandidateType::host ||
        c->address.find (':') != std::string::npos)
      return {};
    proxy_ = std::make_unique<UdpRelay> (
        c->port, profile_, seed_, nullptr, c->address);
    c->port = proxy_->port ();
    there_.set (true);
    return to_string (*c);
  }
  const impair::Profile profile_;
  const std::uint64_t seed_;
  Watched<bool> there_;
  std::unique_ptr<UdpRelay> proxy_;
};

// The sum of a number in W3C's statistics, over all objects that have it.
inline guint64 sum_of_stats (GstElement *peer, const char *name)
{
  struct Sum {
    const char *name;
    guint64 total = 0;
  } sum{name};
  GstPromise *p = gst_promise_new ();
  g_signal_emit_by_name (peer, "get-stats", nullptr, p);
  fail_unless (gst_promise_wait (p) == GST_PROMISE_RESULT_REPLIED);
  gst_structure_foreach (
      gst_promise_get_reply (p),
      [] (GQuark, const GValue *v, gpointer to) -> gboolean {
        auto *s = static_cast<Sum *> (to);
        guint n = 0;
        guint64 big = 0;
        if (!GST_VALUE_HOLDS_STRUCTURE (v))
          return TRUE;
        const GstStructure *object = gst_value_get_structure (v);
        if (gst_structure_get_uint (object, s->name, &n))
          s->total += n;
        else if (gst_structure_get_uint64 (object, s->name, &big))
          s->total += big;
        return TRUE;
      },
      &sum);
  gst_promise_unref (p);
  return sum.total;
}

// Buffers that went into a pad of the peer.
class Sent {
public:
  Sent (Caller &c, const char *pad)
      : pad_ (Ref<GstPad>::adopt (gst_element_get_static_pad (c.peer, pad)))
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
