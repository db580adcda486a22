// SPDX-License-Identifier: LGPL-2.1-or-later
#include "soup_call.h"

namespace reach::cam {
namespace {
CloseReason reason_of_error (const GError *e)
{
  if (e->domain == G_RESOLVER_ERROR)
    return CloseReason::unreachable;
  if (e->domain == G_TLS_ERROR)
    return SoupTls::reason_of (e->code);
  if (e->domain != G_IO_ERROR)
    return CloseReason::reset;
  switch (e->code) {
  case G_IO_ERROR_CONNECTION_REFUSED:
    return CloseReason::refused;
  case G_IO_ERROR_HOST_NOT_FOUND:
  case G_IO_ERROR_HOST_UNREACHABLE:
  case G_IO_ERROR_NETWORK_UNREACHABLE:
  case G_IO_ERROR_PROXY_FAILED:
    return CloseReason::unreachable;
  case G_IO_ERROR_TIMED_OUT:
    return CloseReason::timed_out;
  case G_IO_ERROR_PROXY_AUTH_FAILED:
  case G_IO_ERROR_PROXY_NEED_AUTH:
  case G_IO_ERROR_PROXY_NOT_ALLOWED:
    return CloseReason::unauthorized;
  case G_IO_ERROR_TOO_MANY_OPEN_FILES:
  case G_IO_ERROR_NO_SPACE:
    return CloseReason::overload;
  default:
    return CloseReason::reset;
  }
}

CloseReason reason_of_status (unsigned status)
{
  switch (status) {
  case 400:
    return CloseReason::malformed;
  case 401:
  case 407:
    return CloseReason::unauthorized;
  case 408:
  case 504:
    return CloseReason::timed_out;
  case 410:
    return CloseReason::reset;
  case 413:
    return CloseReason::too_big;
  case 502:
    return CloseReason::unreachable;
  case 503:
    return CloseReason::overload;
  default:
    return CloseReason::refused;
  }
}

void release_slice (gpointer p)
{
  delete static_cast<Slice *> (p);
}
} // namespace

SoupCall::SoupCall (Owner &owner, SoupSession *session, const char *method, const std::string &uri,
    const Credentials &credentials, SoupTls *tls)
    : owner_ (owner), session_ (session), credentials_ (credentials), tls_ (tls),
      message_ (Ref<SoupMessage>::adopt (soup_message_new (method, uri.c_str ()))),
      cancel_ (Ref<GCancellable>::adopt (g_cancellable_new ())),
      pending_ (std::make_shared<Pending> ())
{
  pending_->call = this;
  if (!message_)
    return; // an address that is none; start () tells
  // Else libsoup makes a new connection for each POST. The server takes a seq that comes again
  // once.
  soup_message_add_flags (message_.get (),
      static_cast<SoupMessageFlags> (SOUP_MESSAGE_NO_REDIRECT | SOUP_MESSAGE_IDEMPOTENT));
  soup_message_headers_append (
      soup_message_get_request_headers (message_.get ()), "Cache-Control", "no-store");
  g_signal_connect (message_.get (), "authenticate", G_CALLBACK (on_authenticate), this);
  if (tls_) {
    tls_->apply (message_.get ());
    g_signal_connect (message_.get (), "accept-certificate", G_CALLBACK (on_certificate), this);
  }
  g_signal_connect (message_.get (), "wrote-body", G_CALLBACK (on_written), this);
  g_signal_connect (message_.get (), "restarted", G_CALLBACK (on_restarted), this);
}

SoupCall::~SoupCall ()
{
  pending_->call = nullptr;
  if (message_)
    g_signal_handlers_disconnect_by_data (message_.get (), this);
  if (!over_)
    g_cancellable_cancel (cancel_.get ());
}

void SoupCall::set_body (const std::vector<Slice> &body, std::size_t size)
{
  if (!message_)
    return;
  GInputStream *stream = g_memory_input_stream_new ();
  for (const Slice &s : body) {
    GBytes *bytes =
        g_bytes_new_with_free_func (s.bytes.data (), s.size (), release_slice, new Slice (s));
    g_memory_input_stream_add_bytes (G_MEMORY_INPUT_STREAM (stream), bytes);
    g_bytes_unref (bytes);
  }
  body_ = Ref<GInputStream>::adopt (stream);
  soup_message_set_request_body (
      message_.get (), "application/vnd.reach.cam", stream, static_cast<gssize> (size));
}

void SoupCall::start ()
{
  if (message_) {
    soup_session_send_async (session_, message_.get (), G_PRIORITY_DEFAULT, cancel_.get (), on_sent,
        new PendingRef (pending_));
    return;
  }
  over_ = true;
  why_ = CloseReason::unreachable;
  detail_ = "the host is not a valid name or address";
  owner_.on_call_over (*this);
}

void SoupCall::on_written (SoupMessage *, gpointer self)
{
  auto *c = static_cast<SoupCall *> (self);
  c->owner_.on_call_written (*c);
}

// A request that is sent once more, with credentials, sends its body from the start.
void SoupCall::on_restarted (SoupMessage *, gpointer self)
{
  auto *c = static_cast<SoupCall *> (self);
  if (c->body_)
    g_seekable_seek (G_SEEKABLE (c->body_.get ()), 0, G_SEEK_SET, nullptr, nullptr);
}

gboolean SoupCall::on_authenticate (SoupMessage *, SoupAuth *auth, gboolean retrying, gpointer self)
{
  const auto *c = static_cast<SoupCall *> (self);
  if (retrying || !soup_auth_is_for_proxy (auth) || c->credentials_.id.empty ())
    return FALSE;
  soup_auth_authenticate (auth, c->credentials_.id.c_str (), c->credentials_.pw.c_str ());
  return TRUE;
}

gboolean SoupCall::on_certificate (
    SoupMessage *, GTlsCertificate *certificate, GTlsCertificateFlags errors, gpointer self)
{
  auto *c = static_cast<SoupCall *> (self);
  return c->tls_->accept (certificate, errors, c->detail_);
}

void SoupCall::on_sent (GObject *session, GAsyncResult *result, gpointer user_data)
{
  const std::unique_ptr<PendingRef> pending (static_cast<PendingRef *> (user_data));
  GError *e = nullptr;
  auto answer =
      Ref<GInputStream>::adopt (soup_session_send_finish (SOUP_SESSION (session), result, &e));
  const ErrorPtr error (e);
  SoupCall *c = (*pending)->call;
  if (!c)
    return;
  if (error)
    return c->finish (error.get ());
  c->answer_ = std::move (answer);
  c->status_ = soup_message_get_status (c->message_.get ());
  c->stream_over_ =
      soup_message_headers_get_one (
          soup_message_get_response_headers (c->message_.get ()), "Cam-End") != nullptr;
  if (c->tls_)
    c->tls_->see (c->message_.get ());
  c->owner_.on_call_head (*c);
  if ((*pending)->call)
    c->read_on ();
}

void SoupCall::read_on ()
{
  g_input_stream_read_async (answer_.get (), pending_->buffer, sizeof pending_->buffer,
      G_PRIORITY_DEFAULT, cancel_.get (), on_read, new PendingRef (pending_));
}

void SoupCall::on_read (GObject *stream, GAsyncResult *result, gpointer user_data)
{
  const std::unique_ptr<PendingRef> pending (static_cast<PendingRef *> (user_data));
  GError *e = nullptr;
  const gssize n = g_input_stream_read_finish (G_INPUT_STREAM (stream), result, &e);
  const ErrorPtr error (e);
  SoupCall *c = (*pending)->call;
  if (!c)
    return;
  if (n <= 0)
    return c->finish (error.get ());
  const Bytes data ((*pending)->buffer, static_cast<std::size_t> (n));
  if (c->status_ / 100 == 2)
    c->owner_.on_call_data (*c, data);
  else if (c->detail_.size () < 256) // the sentence that says why
    c->detail_.append (data.begin (), data.begin () + std::min<std::ptrdiff_t> (n, 256));
  if ((*pending)->call)
    c->read_on ();
}

void SoupCall::finish (const GError *error)
{
  over_ = true;
  answer_ = {}; // gives the connection back
  if (error) {
    why_ = reason_of_error (error);
    if (g_error_matches (error, G_TLS_ERROR, G_TLS_ERROR_NOT_TLS))
      detail_ = "the peer does not speak TLS";
    else if (error->domain != G_TLS_ERROR || detail_.empty ())
      detail_ = error->message; // of a certificate we know better what is wrong
  } else if (status_ / 100 != 2) {
    why_ = reason_of_status (status_);
    const std::string_view phrase = soup_status_get_phrase (status_);
    detail_ = "HTTP " + std::to_string (status_) + " (" + std::string (phrase) + "): " + detail_;
    // Of a peer's text only what is harmless in a log and a message.
    for (char &c : detail_)
      if (static_cast<unsigned char> (c) < 0x20 || static_cast<unsigned char> (c) > 0x7e)
        c = ' ';
  }
  owner_.on_call_over (*this);
}
} // namespace reach::cam
