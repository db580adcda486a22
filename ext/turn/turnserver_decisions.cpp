// SPDX-License-Identifier: LGPL-2.1-or-later
// What turnserver asks its application, and what it is told to do.
#include "common/barrier.h"
#include "turn/proto/describe.h"
#include "turnserver_impl.h"

GST_DEBUG_CATEGORY_EXTERN (turnserver_debug);
#define GST_CAT_DEFAULT turnserver_debug

namespace reach::turn::server {
void ServerImpl::defer (std::uint64_t id, bool is_allocation, GstStructure *message)
{
  const TimePoint now = Clock::now ();
  questions_.update ([&] (auto &q) {
    std::erase_if (q, [now] (const auto &i) { return i.second.until <= now; });
    if (q.size () < max_questions)
      q[id] = {is_allocation, now + Limits{}.decision};
  });
  gst_element_post_message (element_, gst_message_new_element (GST_OBJECT (element_), message));
}

void ServerImpl::ask (const AuthorizeRequest &r, NetServer *server)
{
  if (deferred & request_authorize)
    return defer (r.id, false,
        gst_structure_new ("turn-authorize-request", "request", G_TYPE_UINT64, r.id, "user",
            G_TYPE_STRING, r.user.c_str (), "realm", G_TYPE_STRING, r.realm.c_str (), "client",
            G_TYPE_STRING, to_string (r.client.address).c_str (), nullptr));
  gchar *password = nullptr;
  g_signal_emit_by_name (element_, "authorize", r.user.c_str (), r.realm.c_str (), &password);
  if (server)
    server->authorize (r.id, password ? std::optional<std::string> (password) : std::nullopt);
  g_free (password);
}

void ServerImpl::ask (const AllocateRequest &r, NetServer *server)
{
  const std::string client = to_string (r.client.address);
  if (deferred & request_allocate)
    return defer (r.id, true,
        gst_structure_new ("turn-allocate-request", "request", G_TYPE_UINT64, r.id, "user",
            G_TYPE_STRING, r.user.c_str (), "client", G_TYPE_STRING, client.c_str (), "transport",
            G_TYPE_STRING, text_of (r.transport), nullptr));
  gboolean yes = FALSE;
  g_signal_emit_by_name (
      element_, "before-allocate", r.user.c_str (), client.c_str (), text_of (r.transport), &yes);
  if (server)
    server->allow (r.id, yes);
}

bool ServerImpl::respond (guint64 request, bool accept, const GstStructure *reply)
{
  std::optional<Question> question;
  questions_.update ([&] (auto &q) {
    if (auto node = q.extract (request))
      question = node.mapped ();
  });
  const auto server = *server_.lock ();
  if (!question || !server || question->until <= Clock::now ())
    return false;
  if (question->is_allocation) {
    server->allow (request, accept);
    return true;
  }
  const char *password = reply ? gst_structure_get_string (reply, "password") : nullptr;
  server->authorize (
      request, accept && password ? std::optional<std::string> (password) : std::nullopt);
  return true;
}

// On a loop's thread.
bool ServerImpl::on_reply (const Client &client, Bytes answer)
{
  return barrier (element_, false, [&] {
    const bool logged = gst_debug_category_get_threshold (GST_CAT_DEFAULT) >= GST_LEVEL_LOG;
    if (!logged && !has_handler ("request-success") && !has_handler ("request-error"))
      return true;
    const auto m = Message::parse (answer);
    if (!m || m->kind () == stun::Class::indication)
      return true;
    const char *signal = m->kind () == stun::Class::success ? "request-success" : "request-error";
    GST_LOG_OBJECT (
        element_, "to %s: %s", to_string (client.address).c_str (), stun::describe (*m).c_str ());
    if (!has_handler (signal))
      return true;
    const auto copy =
        Ref<GstBuffer>::adopt (gst_buffer_new_memdup (answer.data (), answer.size ()));
    gboolean yes = TRUE;
    g_signal_emit_by_name (element_, signal, to_string (client.address).c_str (),
        stun::name_of (m->method ()), copy.get (), &yes);
    return yes != FALSE;
  });
}

guint ServerImpl::add_binding (const char *address, guint port)
{
  const auto server = *server_.lock ();
  std::string error = "the element is not in READY";
  const guint got = server && address && port <= G_MAXUINT16
                        ? server->add_binding (address, static_cast<std::uint16_t> (port), error)
                        : 0;
  if (got == 0)
    GST_ELEMENT_WARNING (element_, RESOURCE, OPEN_READ_WRITE,
        ("Could not listen on %s: %s.", address ? address : "nothing", error.c_str ()), (nullptr));
  return got;
}

gchar **ServerImpl::bindings ()
{
  const auto server = *server_.lock ();
  if (!server)
    return nullptr;
  GStrvBuilder *b = g_strv_builder_new ();
  for (const auto &x : server->bindings ())
    g_strv_builder_add (b, (text_of (x.transport) + ("://" + x.address)).c_str ());
  gchar **all = g_strv_builder_end (b);
  g_strv_builder_unref (b);
  return all;
}

bool ServerImpl::remove_binding (const char *address, guint port)
{
  const auto server = *server_.lock ();
  return server && address && port <= G_MAXUINT16 &&
         server->remove_binding (address, static_cast<std::uint16_t> (port));
}
} // namespace reach::turn::server
