// SPDX-License-Identifier: LGPL-2.1-or-later
// Questions to the application.
#include "desk.h"
#include "net/server.h"

namespace reach::rtmp {
namespace {
StructurePtr copy (const GstStructure *s)
{
  return StructurePtr (s ? gst_structure_copy (s) : nullptr);
}

void set_text (GstStructure *s, const char *name, std::string_view text)
{
  gst_structure_set (s, name, G_TYPE_STRING, valid_text (text).c_str (), nullptr);
}

void set_structure (GstStructure *s, const char *name, const GstStructure *value)
{
  if (value)
    gst_structure_set (s, name, GST_TYPE_STRUCTURE, value, nullptr);
}

StructurePtr connection_structure (Connection &c)
{
  StructurePtr s (gst_structure_new ("rtmp-connection", "id", G_TYPE_UINT64, guint64{c.id ()},
      "secure", G_TYPE_BOOLEAN, gboolean{c.server ().settings ().tls}, nullptr));
  const ConnectInfo &p = c.peer ();
  set_text (s.get (), "peer-address", c.peer_address ());
  set_text (s.get (), "application", p.app.name);
  set_text (s.get (), "query", c.shown (p.app.query));
  set_text (s.get (), "tc-url", c.shown (p.tc_url));
  set_text (s.get (), "flash-version", p.flash_version);
  set_text (s.get (), "swf-url", p.swf_url);
  set_text (s.get (), "page-url", p.page_url);
  return s;
}

// The command object, which has the same texts.
Value shown_command (Connection &c)
{
  Value command = c.peer ().command;
  if (auto *o = command.as<Object> ())
    for (Property &p : o->members)
      if (p.name == "app" || p.name == "tcUrl" || p.name == "tcurl")
        p.value = c.shown (p.value.string ());
  return command;
}

Name shown_name (Connection &c, const Name &n)
{
  return {n.name, c.shown (n.query)};
}

StructurePtr stream_structure (const char *name, guint stream, const Name &of)
{
  StructurePtr s (gst_structure_new (name, "stream", G_TYPE_UINT, stream, nullptr));
  set_text (s.get (), "stream-name", of.name);
  set_text (s.get (), "query", of.query);
  return s;
}
} // namespace

void Desk::begin_run ()
{
  ending_ = false;
  pool_ = std::make_shared<OrderedPool> ("rtmp-handlers");
}

void Desk::end_run ()
{
  ending_ = true;
  if (pool_)
    pool_->drain ();
  pool_.reset ();
  State old;
  state_.update ([&] (State &s) { std::swap (s, old); });
  for (auto &[id, client] : old.clients)
    for (auto &[transaction, promise] : client.calls)
      gst_promise_expire (promise.get ());
}

void Desk::connect (Connection &c, RequestId id)
{
  if (c.peer ().user.size () > max_arguments)
    return c.decide (id, false, {"", "too many arguments", true});
  if (!is_asked (desk_connect, "connect-request", {}))
    return unasked (c, desk_connect, id);
  ask (c, {desk_connect, "connect-request", id, {},
              [command = shown_command (c), user = c.peer ().user] {
                Details d{StructurePtr (gst_structure_new_empty ("rtmp-connect")),
                    StructurePtr (structure_of_arguments ("rtmp-arguments", user))};
                set_field (d.request.get (), "command", command);
                return d;
              }});
}

void Desk::stream (Connection &c, RequestId id)
{
  ask (c, {desk_stream, "stream-request", id, {}, [] {
             return Details{StructurePtr (gst_structure_new_empty ("rtmp-create-stream")), {}};
           }});
}

void Desk::publish (Connection &c, const PublishRequest &r)
{
  ask (c, {desk_publish, "publish-request", r.request, {}, [r, name = shown_name (c, r.name)] {
             auto s = stream_structure ("rtmp-publish", r.stream, name);
             set_text (s.get (), "type", r.type);
             return Details{std::move (s), {}};
           }});
}

void Desk::play (Connection &c, const PlayRequest &r)
{
  ask (c, {desk_play, "play-request", r.request, {}, [r, name = shown_name (c, r.name)] {
             auto s = stream_structure ("rtmp-play", r.stream, name);
             gst_structure_set (s.get (), "start", G_TYPE_DOUBLE, r.start, "duration",
                 G_TYPE_DOUBLE, r.duration, nullptr);
             return Details{std::move (s), {}};
           }});
}

void Desk::pause (Connection &c, const PauseRequest &r, const std::string &name)
{
  ask (c, {desk_pause, "pause-request", r.request, {}, [r, name] {
             auto s = stream_structure ("rtmp-pause", r.stream, {name, {}});
             gst_structure_set (s.get (), "pause", G_TYPE_BOOLEAN, gboolean{r.pause}, "position",
                 G_TYPE_DOUBLE, r.position, nullptr);
             return Details{std::move (s), {}};
           }});
}

void Desk::call (Connection &c, const CallRequest &r)
{
  if (r.arguments.size () > max_arguments)
    return c.answer (r.request, false, {Value ("too many arguments")});
  if (!is_asked (desk_call, "remote-call", r.name))
    return unasked (c, desk_call, r.request);
  const auto details = [r] {
    StructurePtr s (structure_of_arguments ("rtmp-arguments", r.arguments));
    set_text (s.get (), "name", r.name);
    set_field (s.get (), "object", r.object);
    gst_structure_set (s.get (), "stream", G_TYPE_UINT, guint{r.stream}, nullptr);
    return Details{std::move (s), {}};
  };
  ask (c, {desk_call, "remote-call", r.request, r.name, details, r.memory});
}

// `also_gone`: of one that has ended too.
StructurePtr Desk::info_of (std::uint64_t connection, bool also_gone)
{
  const auto s = state_.lock ();
  const auto at = s->clients.find (connection);
  if (at == s->clients.end () || (at->second.gone && !also_gone))
    return nullptr;
  return copy (at->second.info.get ());
}

ConnectionHandle Desk::handle_of (std::uint64_t connection)
{
  const auto s = state_.lock ();
  const auto at = s->clients.find (connection);
  return at == s->clients.end () ? ConnectionHandle () : at->second.handle;
}

// A connection that another element has claimed may publish and play here too.
void Desk::meet (Connection &c)
{
  if (state_.lock ()->clients.contains (c.id ()))
    return;
  StructurePtr info = connection_structure (c);
  state_.update ([&] (State &s) {
    Client &client = s.clients[c.id ()];
    client.handle = c.handle ();
    client.info = std::move (info);
  });
}

// A procedure's name becomes no quark unless a handler was connected for it.
bool Desk::is_asked (guint flag, const char *signal, const std::string &detail)
{
  return (deferred & flag) ||
         g_signal_has_handler_pending (element_, g_signal_lookup (signal, G_OBJECT_TYPE (element_)),
             detail.empty () ? 0 : g_quark_try_string (detail.c_str ()), FALSE);
}

// Nothing is made of what is asked about: clients can ask faster than that is done.
void Desk::unasked (Connection &c, guint flag, RequestId id)
{
  meet (c);
  if (flag == desk_call)
    return c.answer (id, false, {Status{code::call_failed, "no such procedure", true}.value ()});
  c.decide (id, true);
}

void Desk::ask (Connection &c, Ask a)
{
  const bool is_call = a.flag == desk_call;
  if (!is_asked (a.flag, a.signal, a.detail))
    return unasked (c, a.flag, a.id);
  meet (c);
  if (deferred & a.flag)
    return defer (c, std::move (a));
  const auto shared = std::make_shared<Ask> (std::move (a));
  const auto run = [this, h = c.handle (), shared, is_call] {
    const StructurePtr info = ending_ ? nullptr : info_of (h.id (), is_call);
    if (!info)
      return;
    if (is_call)
      emit_call (h, *shared, info.get ());
    else
      emit_decision (h, *shared, info.get ());
  };
  if (!pool_->post (c.id (), run, shared->memory))
    c.decide (shared->id, false, {"", "too busy", true});
}

void Desk::emit_decision (const ConnectionHandle &h, const Ask &a, const GstStructure *connection)
{
  gboolean yes = FALSE;
  const Details d = a.details ();
  if (a.flag == desk_connect)
    g_signal_emit_by_name (element_, a.signal, connection, d.request.get (), d.user.get (), &yes);
  else
    g_signal_emit_by_name (element_, a.signal, connection, d.request.get (), &yes);
  h.post ([id = a.id, yes] (Connection &c) { c.decide (id, yes); });
}

void Desk::emit_call (const ConnectionHandle &h, const Ask &a, const GstStructure *connection)
{
  GstStructure *reply = nullptr;
  const Details d = a.details ();
  const guint signal = g_signal_lookup (a.signal, G_OBJECT_TYPE (element_));
  g_signal_emit (element_, signal, g_quark_try_string (a.detail.c_str ()), connection,
      d.request.get (), &reply);
  const StructurePtr held (reply);
  std::vector<Value> values;
  if (reply)
    values = arguments_of (reply);
  h.post ([id = a.id, good = reply != nullptr, values] (
              Connection &c) { c.answer (id, good, values); });
}

void Desk::defer (Connection &c, Ask a)
{
  const std::uint64_t question = state_.update ([&] (State &s) {
    const std::uint64_t q = ++s.last_question;
    if (a.id == 0)
      return q; // a call that wants no answer
    s.questions[q] = {c.id (), a.id, a.flag == desk_call};
    auto &its = s.clients[c.id ()].questions;
    its.push_back (q);
    if (its.size () > max_questions) {
      s.questions.erase (its.front ());
      its.pop_front ();
    }
    return q;
  });
  const auto shared = std::make_shared<Ask> (std::move (a));
  const auto run = [this, id = c.id (), question, shared] {
    const StructurePtr info = ending_ ? nullptr : info_of (id, shared->flag == desk_call);
    if (!info)
      return;
    const Details d = shared->details ();
    const CharPtr name (g_strdup_printf ("rtmp-%s", shared->signal));
    GstStructure *m =
        gst_structure_new (name.get (), "request", G_TYPE_UINT64, guint64{question}, nullptr);
    set_structure (m, "connection", info.get ());
    set_structure (m, "details", d.request.get ());
    set_structure (m, "user", d.user.get ());
    post_message (m);
  };
  if (!pool_->post (c.id (), run, shared->memory))
    c.decide (shared->id, false, {"", "too busy", true});
}

void Desk::post_message (GstStructure *s)
{
  gst_element_post_message (element_, gst_message_new_element (GST_OBJECT (element_), s));
}

void Desk::tell (Connection &c, const char *signal, const char *message, GstStructure *fields)
{
  const std::shared_ptr<GstStructure> f (fields, gst_structure_free);
  pool_->post_event (c.id (), [this, id = c.id (), signal, message, f] {
    StructurePtr s (gst_structure_copy (f.get ()));
    gst_structure_set_name (s.get (), message);
    set_structure (s.get (), "connection", info_of (id, true).get ());
    g_signal_emit_by_name (element_, signal, s.get ());
    post_message (s.release ());
  });
}

void Desk::call_result (Connection &c, const CallResult &r)
{
  std::shared_ptr<GstPromise> promise;
  state_.update ([&] (State &s) {
    const auto client = s.clients.find (c.id ());
    if (client == s.clients.end ())
      return;
    if (auto node = client->second.calls.extract (r.transaction))
      promise = std::move (node.mapped ());
  });
  if (!promise)
    return;
  // Behind the command object, which is null.
  const std::vector<Value> values (
      r.values.begin () + (r.values.empty () ? 0 : 1), r.values.end ());
  StructurePtr reply (structure_of_arguments ("rtmp-call-result", values));
  if (!reply)
    reply.reset (gst_structure_new_empty ("rtmp-call-result"));
  gst_structure_set (reply.get (), "good", G_TYPE_BOOLEAN, gboolean{r.good}, nullptr);
  const std::shared_ptr<GstStructure> shared (reply.release (), gst_structure_free);
  pool_->post_event (c.id (), [promise, shared] {
    gst_promise_reply (promise.get (), gst_structure_copy (shared.get ()));
  });
}

void Desk::closed (Connection &c, const ConnectionEnd &end)
{
  StructurePtr s (gst_structure_new (
      "rtmp-connection-closed", "cause", G_TYPE_STRING, cause_name (end.cause), nullptr));
  set_text (s.get (), "detail", end.detail);
  tell (c, "connection-closed", "rtmp-connection-closed", s.release ());
  refused (c);
}

// Behind all that it was asked about.
void Desk::refused (Connection &c)
{
  state_.update ([&] (State &s) {
    if (const auto at = s.clients.find (c.id ()); at != s.clients.end ())
      at->second.gone = true;
  });
  if (!pool_->post_event (c.id (), [this, id = c.id ()] { forget (id); }))
    forget (c.id ());
}

void Desk::forget (std::uint64_t connection)
{
  Client gone;
  state_.update ([&] (State &s) {
    if (auto node = s.clients.extract (connection))
      gone = std::move (node.mapped ());
    for (const std::uint64_t q : gone.questions)
      s.questions.erase (q);
  });
  for (auto &[transaction, promise] : gone.calls)
    gst_promise_expire (promise.get ());
}
} // namespace reach::rtmp
