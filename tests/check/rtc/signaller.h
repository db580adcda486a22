// SPDX-License-Identifier: LGPL-2.1-or-later
// A peer that signals and writes down what it is told, and a rtcpoolserver to do it by.
#pragma once
#include "../plugin.h"
#include "../wait.h"
#include "common/guarded.h"
#include "common/loop.h"
#include "rtc/signalling/signaller.h"
#include <string>
#include <vector>

namespace reach::test {
class SignalledPeer final : public rtc::Signaller::Owner {
public:
  SignalledPeer (Loop &loop, const std::string &uri, const std::string &token = {}) : loop_ (loop)
  {
    rtc::Signaller::Config c;
    c.uri = uri;
    c.token = token;
    loop_.call ([&] {
      std::string error;
      signaller_ = rtc::Signaller::make (loop_, *this, c, error);
      fail_unless (signaller_ != nullptr, "%s", error.c_str ());
    });
  }
  ~SignalledPeer () override
  {
    loop_.call ([this] { signaller_.reset (); });
  }
  void goodbye ()
  {
    loop_.call ([this] { signaller_->goodbye ([this] { note ("goodbye"); }); });
    fail_unless (saw ("goodbye"));
  }
  void send_description (const char *type, const char *sdp)
  {
    loop_.call ([&] { signaller_->send_description (type, sdp); });
  }
  void send_candidate (const rtc::SignalledCandidate &c)
  {
    loop_.call ([&] { signaller_->send_candidate (c); });
  }
  bool send_message (const char *json)
  {
    bool sent = false;
    loop_.call ([&] { sent = signaller_->send_message (json); });
    return sent;
  }
  // Within a generous time; what was seen counts once.
  bool saw (const std::string &what)
  {
    return saw_one ([&] (const std::string &t) { return t == what; });
  }
  // What begins so; the rest of it.
  bool saw_some (const std::string &beginning, std::string &rest)
  {
    return saw_one ([&] (const std::string &t) {
      if (!t.starts_with (beginning))
        return false;
      rest = t.substr (beginning.size ());
      return true;
    });
  }
  rtc::Signaller &signaller () { return *signaller_; } // loop thread
  int times (const std::string &what)
  {
    auto l = told_.lock ();
    return static_cast<int> (std::count (l->begin (), l->end (), what));
  }
  // In whatever role.
  bool saw_peer ()
  {
    return saw_one ([] (const std::string &t) { return t.starts_with ("peer "); });
  }
  std::string present = "v=0 local";

private:
  template <typename P> bool saw_one (P &&is)
  {
    auto l = told_.lock ();
    if (!l.wait_until (Clock::now () + long_enough,
            [&] (const auto &t) { return std::any_of (t.begin (), t.end (), is); })) {
      for (const std::string &t : *l)
        g_printerr ("told: %s\n", t.c_str ());
      return false;
    }
    l->erase (std::find_if (l->begin (), l->end (), is));
    return true;
  }
  void note (const std::string &what)
  {
    told_.update ([&] (auto &t) { t.push_back (what); });
  }
  void on_peer (const std::string &, bool polite, bool offers) override
  {
    note (std::string ("peer") + (polite ? " polite" : "") + (offers ? " offers" : ""));
  }
  void on_description (const std::string &type, const std::string &text) override
  {
    note (type + " " + text);
  }
  void on_candidate (const rtc::SignalledCandidate &c) override
  {
    note (
        "candidate " + c.candidate + "|" + c.mid + "|" + std::to_string (c.mline) + "|" + c.ufrag);
  }
  void on_message (const std::string &json) override { note ("message " + json); }
  void on_ice_servers (const rtc::IceLinks &all) override
  {
    for (const rtc::IceLink &l : all.servers)
      note ("server " + l.uri + " " + l.username + " " + l.credential);
  }
  void on_peer_left (const std::string &reason) override { note ("left " + reason); }
  void on_signalling_error (const std::string &, bool fatal) override
  {
    note (fatal ? "fatal" : "lost");
  }
  std::string local_sdp () override { return present; }

  Loop &loop_;
  Guarded<std::vector<std::string>> told_;
  std::unique_ptr<rtc::Signaller> signaller_;
};

class PoolServer {
public:
  explicit PoolServer (const std::string &properties = {}, guint port = 0)
  {
    register_plugins_once ();
    const std::string line =
        "rtcpoolserver bind-address=127.0.0.1 port=" + std::to_string (port) + " " + properties;
    GError *error = nullptr;
    element = gst_parse_launch (line.c_str (), &error);
    fail_unless (element && !error, "%s", error ? error->message : "");
    GstBus *bus = gst_bus_new ();
    gst_element_set_bus (element, bus);
    gst_object_unref (bus);
    g_signal_connect (element, "peer-joined",
        G_CALLBACK (+[] (GstElement *, GstStructure *, gpointer self) {
          static_cast<PoolServer *> (self)->joined_.update ([] (unsigned &n) { n++; });
        }),
        this);
    fail_unless (gst_element_set_state (element, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
  }
  ~PoolServer ()
  {
    gst_element_set_state (element, GST_STATE_NULL);
    gst_element_set_bus (element, nullptr);
    gst_object_unref (element);
  }
  guint port () const
  {
    guint p = 0;
    g_object_get (element, "current-port", &p, nullptr);
    return p;
  }
  std::string uri (const char *channel) const
  {
    return "ws://127.0.0.1:" + std::to_string (port ()) + "/" + channel;
  }
  guint64 stat (const char *name) const
  {
    GstStructure *s = nullptr;
    g_object_get (element, "stats", &s, nullptr);
    guint64 v = 0;
    fail_unless (gst_structure_get_uint64 (s, name, &v), "%s", name);
    gst_structure_free (s);
    return v;
  }
  // How many have been let in since the start.
  bool wait_joined (unsigned n)
  {
    return joined_.wait ([n] (unsigned have) { return have >= n; });
  }
  GstElement *element;

private:
  Watched<unsigned> joined_;
  static void register_plugins_once ()
  {
    static const bool once = (register_plugins (), true);
    (void)once;
  }
};
} // namespace reach::test
