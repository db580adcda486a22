// SPDX-License-Identifier: LGPL-2.1-or-later
#include "turn_nice.h"
#include <condition_variable>
#include <gst/gst.h>
#include <mutex>
#include <nice/agent.h>
#include <thread>

namespace reach::bench {
namespace {
constexpr guint component = 1;

class Agent {
public:
  Agent (GMainContext *context, bool controlling)
      : agent_ (nice_agent_new_full (context, NICE_COMPATIBILITY_RFC5245, NICE_AGENT_OPTION_NONE)),
        context_ (context)
  {
    g_object_set (agent_, "controlling-mode", gboolean{controlling}, "upnp", FALSE, "ice-tcp",
        FALSE, nullptr);
    NiceAddress here;
    nice_address_init (&here);
    nice_address_set_from_string (&here, "127.0.0.1");
    nice_agent_add_local_address (agent_, &here);
    stream_ = nice_agent_add_stream (agent_, 1);
    g_signal_connect (agent_, "component-state-changed", G_CALLBACK (on_state), this);
    g_signal_connect (agent_, "candidate-gathering-done", G_CALLBACK (on_gathered), this);
    attach (ignore);
  }
  ~Agent () { g_object_unref (agent_); }
  Agent (const Agent &) = delete;
  Agent &operator= (const Agent &) = delete;

  void use_relay (std::uint16_t port)
  {
    g_object_set (agent_, "force-relay", TRUE, nullptr);
    nice_agent_set_relay_info (
        agent_, stream_, component, "127.0.0.1", port, "user", "pass", NICE_RELAY_TYPE_TURN_UDP);
  }
  void gather () { nice_agent_gather_candidates (agent_, stream_); }
  void attach (NiceAgentRecvFunc f)
  {
    nice_agent_attach_recv (agent_, stream_, component, context_, f, nullptr);
  }
  void hear_of (Agent &other)
  {
    gchar *user = nullptr, *password = nullptr;
    nice_agent_get_local_credentials (other.agent_, other.stream_, &user, &password);
    nice_agent_set_remote_credentials (agent_, stream_, user, password);
    g_free (user);
    g_free (password);
    GSList *all = nice_agent_get_local_candidates (other.agent_, other.stream_, component);
    nice_agent_set_remote_candidates (agent_, stream_, component, all);
    g_slist_free_full (
        all, [] (gpointer c) { nice_candidate_free (static_cast<NiceCandidate *> (c)); });
  }
  bool is_relayed ()
  {
    NiceCandidate *local = nullptr, *remote = nullptr;
    return nice_agent_get_selected_pair (agent_, stream_, component, &local, &remote) &&
           local->type == NICE_CANDIDATE_TYPE_RELAYED;
  }
  template <typename F> bool wait (F &&what)
  {
    std::unique_lock lock (mutex_);
    return changed_.wait_for (lock, std::chrono::seconds (20), [&] { return what (*this); });
  }
  bool gathered () const { return gathered_; }
  bool ready () const { return ready_; }
  NiceAgent *get () const { return agent_; }
  guint stream () const { return stream_; }

private:
  static void ignore (NiceAgent *, guint, guint, guint, gchar *, gpointer) {}
  static void on_state (NiceAgent *, guint, guint, guint state, gpointer self)
  {
    static_cast<Agent *> (self)->set (&Agent::ready_, state == NICE_COMPONENT_STATE_READY);
  }
  static void on_gathered (NiceAgent *, guint, gpointer self)
  {
    static_cast<Agent *> (self)->set (&Agent::gathered_, true);
  }
  void set (bool Agent::*what, bool to)
  {
    const std::lock_guard lock (mutex_);
    this->*what = to;
    changed_.notify_all ();
  }

  NiceAgent *const agent_;
  GMainContext *const context_;
  guint stream_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool gathered_ = false, ready_ = false;
};

class Pair final : public NicePair {
public:
  Pair ()
      : context_ (g_main_context_new (), g_main_context_unref),
        loop_ (g_main_loop_new (context_.get (), FALSE), g_main_loop_unref),
        ours_ (context_.get (), true), theirs_ (context_.get (), false),
        thread_ ([this] { g_main_loop_run (loop_.get ()); })
  {
  }
  ~Pair () override
  {
    g_main_loop_quit (loop_.get ());
    thread_.join ();
  }
  bool connect (std::uint16_t port, std::string &error)
  {
    ours_.use_relay (port);
    ours_.gather ();
    theirs_.gather ();
    const auto gathered = [] (const Agent &a) { return a.gathered (); };
    const auto ready = [] (const Agent &a) { return a.ready (); };
    if (!ours_.wait (gathered) || !theirs_.wait (gathered))
      return error = "libnice gathers no candidates", false;
    ours_.hear_of (theirs_);
    theirs_.hear_of (ours_);
    if (!ours_.wait (ready) || !theirs_.wait (ready))
      return error = "libnice does not connect", false;
    if (!ours_.is_relayed ())
      return error = "libnice does not use the relay", false;
    return true;
  }
  GstElement *make_sink () override
  {
    GstElement *sink = gst_element_factory_make ("nicesink", nullptr);
    g_object_set (
        sink, "agent", ours_.get (), "stream", ours_.stream (), "component", component, nullptr);
    return sink;
  }
  void deafen () override { theirs_.attach (nullptr); }

private:
  const std::unique_ptr<GMainContext, decltype (&g_main_context_unref)> context_;
  const std::unique_ptr<GMainLoop, decltype (&g_main_loop_unref)> loop_;
  Agent ours_, theirs_;
  std::thread thread_;
};
} // namespace

std::unique_ptr<NicePair> NicePair::connect (std::uint16_t server_port, std::string &error)
{
  GstElementFactory *factory = gst_element_factory_find ("nicesink");
  if (!factory) {
    error = "nicesink is missing (gstreamer1.0-nice)";
    return nullptr;
  }
  gst_object_unref (factory);
  auto pair = std::make_unique<Pair> ();
  return pair->connect (server_port, error) ? std::move (pair) : nullptr;
}
} // namespace reach::bench
