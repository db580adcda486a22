// SPDX-License-Identifier: LGPL-2.1-or-later
#include "media_server_impl.h"
#include "common/accumulators.h"
#include "common/barrier.h"
#include "tls_properties.h"
#include <sys/socket.h>
#include <unistd.h>

namespace reach::cam {
bool MediaServerImpl::ready ()
{
  if (server ())
    return true;
  if (!events_)
    events_ = std::make_unique<SerialQueue> ("cam-events");
  ServerSettings s = *settings.lock ();
  if (!use_tls (s) || !read_users (s.user_file))
    return false;
  auto made = std::make_shared<MediaServer> (*this, s);
  std::string error;
  if (!made->bind (error)) {
    GST_ELEMENT_ERROR (element_, RESOURCE, OPEN_READ,
        ("Could not listen on %s, TCP port %u and UDP port %d. Choose other ports (port, "
         "udp-port), or 0 for any.",
            s.bind_address.c_str (), s.port, s.udp_port),
        ("%s", error.c_str ()));
    return false;
  }
  if (!made->open_store (error)) {
    GST_ELEMENT_ERROR (element_, RESOURCE, OPEN_READ_WRITE,
        ("Could not use a file for what waits: %s. Choose another buffer-directory, or "
         "buffer-store=memory.",
            error.c_str ()),
        (nullptr));
    return false;
  }
  if (!made->load (error)) {
    GST_ELEMENT_ERROR (element_, RESOURCE, READ,
        ("Could not take over the state file: %s. Move it away to begin without.", error.c_str ()),
        (nullptr));
    return false;
  }
  server_->update ([&] (auto &p) { p = made; });
  return true;
}

// A connection to the run that there is. Without one it ends at once.
Dial MediaServerImpl::tap_dial () const
{
  return [run = server_] (std::string &error) {
    int ends[2];
    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
      error = g_strerror (errno);
      return -1;
    }
    if (const auto s = *run->lock ())
      s->take_tap (ends[1]);
    else
      close (ends[1]);
    return ends[0];
  };
}

// One context for each kind of socket.
bool MediaServerImpl::use_tls (ServerSettings &s)
{
  Settings one;
  one.mode = Mode::listener;
  one.tls = s.tls;
  if (!cam::use_tls (element_, one))
    return false;
  s.tls_streams = one.tls_context;
  if (s.udp_port < 0)
    return true;
  one.protocol = Protocol::udp;
  if (!cam::use_tls (element_, one))
    return false;
  s.tls_datagrams = one.tls_context;
  return true;
}

bool MediaServerImpl::read_users (const std::string &path)
{
  users_.reset ();
  if (path.empty ())
    return true;
  std::string error;
  users_ = UserFile::load (path, error);
  if (!users_)
    GST_ELEMENT_ERROR (
        element_, RESOURCE, SETTINGS, ("user-file cannot be used: %s.", error.c_str ()), (nullptr));
  else if (!logins_)
    logins_ = std::make_unique<LoginQueue> ([this] (const Login &l) { look_at (l); });
  return users_ != nullptr;
}

void MediaServerImpl::stop ()
{
  auto s = server ();
  if (!s)
    return;
  StructurePtr last (server_stats (s->snapshot ())); // asks the loops: not under the lock
  last_stats_.update ([&] (StructurePtr &p) { p.swap (last); });
  server_->update ([] (auto &p) { p.reset (); });
  s.reset (); // the last reference, but for calls under way
  if (logins_)
    logins_->drain ();
  events_->drain ();
}

GstStructure *MediaServerImpl::stats ()
{
  if (const auto s = server ())
    return server_stats (s->snapshot ());
  auto p = last_stats_.lock ();
  return *p ? gst_structure_copy (p->get ()) : server_stats ({});
}

void MediaServerImpl::on_client (ClientEvent e)
{
  events_->post ([this, event = std::move (e)] {
    StructurePtr s (structure_of (event));
    g_signal_emit_by_name (element_, client_event_name (event.what), s.get ());
    gst_element_post_message (
        element_, gst_message_new_element (GST_OBJECT (element_), s.release ()));
  });
}

void MediaServerImpl::on_state_lost (std::string error)
{
  events_->post ([this, e = std::move (error)] {
    GST_ELEMENT_WARNING (element_, RESOURCE, WRITE,
        ("Could not write the state file: %s. What changes from now on is lost with this "
         "process, until a later write succeeds.",
            e.c_str ()),
        (nullptr));
  });
}

void MediaServerImpl::respond (std::uint64_t login, Verdict verdict)
{
  if (const auto s = server ())
    s->respond (login, verdict);
}

std::optional<Verdict> MediaServerImpl::on_login (Login l)
{
  if (!users_ || users_->passed (l.guid, l.token))
    return ask_application (std::move (l));
  const std::uint64_t id = l.id;
  const auto displaced = logins_->post (std::move (l));
  if (displaced && displaced->id != id)
    events_->post ([this, other = displaced->id] { respond (other, Verdict::busy); });
  return displaced && displaced->id == id ? Verdict::busy : std::optional<Verdict> ();
}

void MediaServerImpl::look_at (const Login &l)
{
  if (!server ())
    return; // stopping: what waits is not worth the time
  const auto verdict = users_->check (l.guid, l.token) ? ask_application (l) : Verdict::no;
  if (verdict)
    respond (l.id, *verdict);
}

std::optional<Verdict> MediaServerImpl::ask_application (Login l)
{
  static const guint signal = g_signal_lookup ("authenticate", G_OBJECT_TYPE (element_));
  if (!g_signal_has_handler_pending (element_, signal, 0, FALSE))
    return Verdict::yes;
  const bool posted = events_->post ([this, login = std::move (l)] {
    gboolean ok = FALSE;
    g_signal_emit_by_name (element_, "authenticate", login.guid.c_str (), login.token.c_str (),
        login.address.c_str (), login.transport.c_str (), &ok);
    respond (login.id, ok ? Verdict::yes : Verdict::no);
  });
  return posted ? std::optional<Verdict> () : Verdict::busy;
}

bool MediaServerImpl::kick (const std::string &guid, const std::string &reason)
{
  const auto s = server ();
  return s && s->kick (guid, reason);
}

bool MediaServerImpl::block (const std::string &guid)
{
  const bool valid = !guid.empty () && guid.size () <= max_guid;
  const bool taken = valid && settings.update ([&] (ServerSettings &s) {
    if (s.blocked.size () >= RouterLimits{}.max_banned)
      return false;
    s.blocked.insert (guid);
    return true;
  });
  if (const auto s = server (); taken && s)
    s->ban (guid, true);
  return taken;
}

bool MediaServerImpl::unblock (const std::string &guid)
{
  const bool mine =
      settings.update ([&] (ServerSettings &s) { return s.blocked.erase (guid) > 0; });
  const auto s = server (); // which may know more, from its state file
  return (s && s->ban (guid, false)) || mine;
}

namespace {
gboolean let_in (GstElement *, const char *, const char *, const char *, const char *)
{
  return TRUE;
}

const char *text (const char *s)
{
  return s ? s : "";
}

gboolean do_kick (GstElement *e, const char *guid, const char *reason)
{
  return barrier (
      e, FALSE, [&] { return gboolean (server_impl (e).kick (text (guid), text (reason))); });
}

gboolean do_block (GstElement *e, const char *guid)
{
  return barrier (e, FALSE, [&] { return gboolean (server_impl (e).block (text (guid))); });
}

gchar *do_make_user (GstElement *e, const char *guid, const char *token)
{
  return barrier (e, static_cast<gchar *> (nullptr), [&] {
    const std::string line = UserFile::line (text (guid), text (token));
    return line.empty () ? nullptr : g_strdup (line.c_str ());
  });
}

gboolean do_unblock (GstElement *e, const char *guid)
{
  return barrier (e, FALSE, [&] { return gboolean (server_impl (e).unblock (text (guid))); });
}

constexpr auto action = static_cast<GSignalFlags> (G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION);
} // namespace

static void install_actions (GType type)
{
  /**
   * GstCamMediaServer::kick:
   * @self: the element
   * @guid: of a client
   * @reason: why, for client-disconnected (or %NULL)
   *
   * Action: closes all connections of a client. It may come back.
   *
   * Returns: %FALSE when there is no such client
   */
  g_signal_new_class_handler ("kick", type, action, G_CALLBACK (do_kick), nullptr, nullptr, nullptr,
      G_TYPE_BOOLEAN, 2, G_TYPE_STRING, G_TYPE_STRING);
  /**
   * GstCamMediaServer::block:
   * @self: the element
   * @guid: of a client
   *
   * Action: closes all connections of a client, and refuses it until it is unblocked, also in later
   * runs.
   *
   * Returns: %FALSE when this is no guid, or 10,000 are blocked
   */
  g_signal_new_class_handler ("block", type, action, G_CALLBACK (do_block), nullptr, nullptr,
      nullptr, G_TYPE_BOOLEAN, 1, G_TYPE_STRING);
  /**
   * GstCamMediaServer::unblock:
   * @self: the element
   * @guid: of a client
   *
   * Action: the opposite of #GstCamMediaServer::block.
   *
   * Returns: %FALSE when it was not blocked
   */
  g_signal_new_class_handler ("unblock", type, action, G_CALLBACK (do_unblock), nullptr, nullptr,
      nullptr, G_TYPE_BOOLEAN, 1, G_TYPE_STRING);
  /**
   * GstCamMediaServer::make-user:
   * @self: the element
   * @guid: of a client
   * @token: its token, at most 255 bytes
   *
   * Action: a line for `user-file`. Computes for about a tenth of a second.
   *
   * Returns: (transfer full) (nullable): the line; %NULL when these cannot be in such a file
   */
  g_signal_new_class_handler ("make-user", type, action, G_CALLBACK (do_make_user), nullptr,
      nullptr, nullptr, G_TYPE_STRING, 2, G_TYPE_STRING, G_TYPE_STRING);
}

void install_server_signals (GType type)
{
  /**
   * GstCamMediaServer::client-connected:
   * @self: the element
   * @event: what happened: `cam-client-connected`, with guid, peer and role (sender or receiver)
   *
   * The first connection of a sender or a receiver has been let in.
   */
  /**
   * GstCamMediaServer::client-disconnected:
   * @self: the element
   * @event: what happened: `cam-client-disconnected`, with guid, peer, role and reason
   *
   * Its last connection has ended. A sender may come back within resume-window.
   */
  /**
   * GstCamMediaServer::client-rejected:
   * @self: the element
   * @event: what happened: `cam-client-rejected`, with guid, peer, role and reason
   *
   * A connection was refused, or its TLS handshake failed: then guid is empty, and there is no
   * role.
   */
  for (const char *name : {"client-connected", "client-disconnected", "client-rejected"})
    g_signal_new (name, type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE, 1,
        GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
  /**
   * GstCamMediaServer::authenticate:
   * @self: the element
   * @guid: of the client; empty = it has none
   * @token: its `token`; empty = it has none
   * @address: its address and port
   * @transport: "tcp", "http" or "udp"
   *
   * A client's connection asks to be let in. It waits for the answer, at most 10 s and at most the
   * client's own timeout; nothing changes before for a client that has the same guid. All handlers
   * must agree; without one everybody is let in. Handlers run in the element's event thread.
   *
   * Returns: %TRUE to let it in
   */
  g_signal_new_class_handler ("authenticate", type, G_SIGNAL_RUN_LAST, G_CALLBACK (let_in), all_of,
      nullptr, nullptr, G_TYPE_BOOLEAN, 4, G_TYPE_STRING, G_TYPE_STRING, G_TYPE_STRING,
      G_TYPE_STRING);
  install_actions (type);
}
} // namespace reach::cam
