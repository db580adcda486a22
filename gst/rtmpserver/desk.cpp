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

StructurePtr stream_structure (Connection &c, const char *name, guint stream, const Name &of)
{
  StructurePtr s (gst_structure_new (name, "stream", G_TYPE_UINT, stream, nullptr));
  set_text (s.get (), "stream-name", of.name);
  set_text (s.get (), "query", c.shown (of.query));
  return s;
}
} // namespace

void Desk::begin_run ()
{
  pool_ = std::make_shared<OrderedPool> ("rtmp-handlers");
}

void Desk::end_run ()
{
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
  StructurePtr command (gst_structure_new_empty ("rtmp-connect"));
  set_field (command.get (), "command", shown_command (c));
  StructurePtr user (structure_of_arguments ("rtmp-arguments", c.peer ().user));
  if (!user)
    return c.decide (id, false, {"", "too many arguments", true});
  ask (c, {desk_connect, "connect-request", id, std::move (command), std::move (user), {}});
}

void Desk::stream (Connection &c, RequestId id)
{
  ask (c, {desk_stream, "stream-request", id,
              StructurePtr (gst_structure_new_empty ("rtmp-create-stream")), {}, {}});
}

void Desk::publish (Connection &c, const PublishRequest &r)
{
  auto s = stream_structure (c, "rtmp-publish", r.stream, r.name);
  set_text (s.get (), "type", r.type);
  ask (c, {desk_publish, "publish-request", r.request, std::move (s), {}, {}});
}

void Desk::play (Connection &c, const PlayRequest &r)
{
  auto s = stream_structure (c, "rtmp-play", r.stream, r.name);
  gst_structure_set (
      s.get (), "start", G_TYPE_DOUBLE, r.start, "duration", G_TYPE_DOUBLE, r.duration, nullptr);
  ask (c, {desk_play, "play-request", r.request, std::move (s), {}, {}});
}

void Desk::pause (Connection &c, const PauseRequest &r, const std::string &name)
{
  auto s = stream_structure (c, "rtmp-pause", r.stream, {name, {}});
  gst_structure_set (s.get (), "pause", G_TYPE_BOOLEAN, gboolean{r.pause}, "position",
      G_TYPE_DOUBLE, r.position, nullptr);
  ask (c, {desk_pause, "pause-request", r.request, std::move (s), {}, {}});
}

void Desk::call (Connection &c, const CallRequest &r)
{
  StructurePtr arguments (structure_of_arguments ("rtmp-arguments", r.arguments));
  if (!arguments)
    return c.answer (r.request, false, {Value ("too many arguments")});
  set_text (arguments.get (), "name", r.name);
  set_field (arguments.get (), "object", r.object);
  gst_structure_set (arguments.get (), "stream", G_TYPE_UINT, guint{r.stream}, nullptr);
  ask (c, {desk_call, "remote-call", r.request, std::move (arguments), {}, r.name});
}

StructurePtr Desk::info_of (std::uint64_t connection)
{
  const auto s = state_.lock ();
  const auto at = s->clients.find (connection);
  return at == s->clients.end () ? nullptr : copy (at->second.info.get ());
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
void Desk::ask (Connection &c, Ask a)
{
  const bool is_call = a.flag == desk_call;
  meet (c);
  if (deferred & a.flag)
    return defer (c, std::move (a));
  const guint signal = g_signal_lookup (a.signal, G_OBJECT_TYPE (element_));
  const GQuark detail = is_call ? g_quark_try_string (a.detail.c_str ()) : 0;
  if (!g_signal_has_handler_pending (element_, signal, detail, FALSE))
    return is_call ? c.answer (a.id, false,
                         {Status{code::call_failed, "no such procedure", true}.value ()})
                   : c.decide (a.id, true);
  const auto shared = std::make_shared<Ask> (std::move (a));
  const bool posted = pool_->post (c.id (), [this, h = c.handle (), shared, is_call] {
    const StructurePtr info = info_of (h.id ());
    if (!info)
      return;
    if (is_call)
      emit_call (h, *shared, info.get ());
    else
      emit_decision (h, *shared, info.get ());
  });
  if (!posted)
    c.decide (shared->id, false, {"", "too busy", true});
}

void Desk::emit_decision (const ConnectionHandle &h, const Ask &a, const GstStructure *connection)
{
  gboolean yes = FALSE;
  if (a.flag == desk_connect)
    g_signal_emit_by_name (element_, a.signal, connection, a.request.get (), a.user.get (), &yes);
  else
    g_signal_emit_by_name (element_, a.signal, connection, a.request.get (), &yes);
  h.post ([id = a.id, yes] (Connection &c) { c.decide (id, yes); });
}

void Desk::emit_call (const ConnectionHandle &h, const Ask &a, const GstStructure *connection)
{
  GstStructure *reply = nullptr;
  const guint signal = g_signal_lookup (a.signal, G_OBJECT_TYPE (element_));
  g_signal_emit (element_, signal, g_quark_try_string (a.detail.c_str ()), connection,
      a.request.get (), &reply);
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
    s.questions[++s.last_question] = {c.id (), a.id, a.flag == desk_call};
    return s.last_question;
  });
  const auto shared = std::make_shared<Ask> (std::move (a));
  const bool posted = pool_->post (c.id (), [this, id = c.id (), question, shared] {
    const CharPtr name (g_strdup_printf ("rtmp-%s", shared->signal));
    GstStructure *m =
        gst_structure_new (name.get (), "request", G_TYPE_UINT64, guint64{question}, nullptr);
    set_structure (m, "connection", info_of (id).get ());
    set_structure (m, "details", shared->request.get ());
    set_structure (m, "user", shared->user.get ());
    post_message (m);
  });
  if (!posted)
    c.decide (shared->id, false, {"", "too busy", true});
}

void Desk::post_message (GstStructure *s)
{
  gst_element_post_message (element_, gst_message_new_element (GST_OBJECT (element_), s));
}

void Desk::tell (Connection &c, const char *signal, const char *message, GstStructure *fields)
{
  const std::shared_ptr<GstStructure> f (fields, gst_structure_free);
  pool_->post (c.id (), [this, id = c.id (), signal, message, f] {
    StructurePtr s (gst_structure_copy (f.get ()));
    gst_structure_set_name (s.get (), message);
    set_structure (s.get (), "connection", info_of (id).get ());
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
  pool_->post (c.id (), [promise, shared] {
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
  if (!pool_->post (c.id (), [this, id = c.id ()] { forget (id); }))
    forget (c.id ());
}

void Desk::forget (std::uint64_t connection)
{
  Client gone;
  state_.update ([&] (State &s) {
    std::erase_if (s.questions, [&] (const auto &q) { return q.second.connection == connection; });
    if (auto node = s.clients.extract (connection))
      gone = std::move (node.mapped ());
  });
  for (auto &[transaction, promise] : gone.calls)
    gst_promise_expire (promise.get ());
}
} // namespace reach::rtmp
